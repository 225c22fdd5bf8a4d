//! Everything that the canvas shows, as plain state.

use std::collections::BTreeMap;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::StageUpdate;

use super::actor::Actor;
use super::camera::{CameraControl, CameraMode, range_for};
use super::history::History;
use super::place::Place;
use super::playout::PLAYOUT_DELAY;
use super::view::View;

/// The time after the playout delay, in milliseconds, for which a dropped character stays in place, until the server
/// has echoed the move.
const ECHO_TIME: f64 = 200.0;

/// The stage as the page knows it.
#[derive(Debug)]
pub(super) struct Scene {
    actors: BTreeMap<u32, Actor>,
    chosen: u32,
    /// The samples that arrived from the chosen character.
    pub(super) history: History,
    held: Option<Held>,
    pub(super) camera: CameraControl,
}

/// A character that the reader drags.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: u32,
    place: Place,
    /// The time in milliseconds at which samples place the character again.
    until: f64,
}

/// The numbers of the chosen character.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Readout {
    pub(super) name: String,
    /// The place where the character is drawn.
    pub(super) place: Place,
    /// Samples per second.
    pub(super) rate: f64,
    /// Milliseconds since the newest sample.
    pub(super) age: f64,
    /// The delay of the newest sample above the minimum, in milliseconds.
    pub(super) delay: f64,
    /// The jitter of the delay, in milliseconds.
    pub(super) jitter: f64,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            actors: BTreeMap::new(),
            chosen: DEFAULT_CHARACTER,
            history: History::default(),
            held: None,
            camera: CameraControl::default(),
        }
    }
}

impl Scene {
    /// Applies an update that arrived at `now` (milliseconds).
    pub(super) fn take(&mut self, now: f64, update: StageUpdate) {
        // The reader's own character may be chosen before its first update.
        let was_there = self.actors.contains_key(&self.chosen);
        let gone = update.gone(self.actors.keys().copied());
        for character in update.characters {
            let actor = self.actors.entry(character.id).or_default();
            actor.describe(character);
        }
        for sample in update.samples {
            let Some(actor) = self.actors.get_mut(&sample.character) else {
                continue;
            };
            let received = actor.receive(now, &sample);
            if let Some((place, delay)) = received.filter(|_| sample.character == self.chosen) {
                self.history.push(now, place, delay);
            }
        }
        for id in gone {
            self.actors.remove(&id);
        }
        if was_there && !self.actors.contains_key(&self.chosen) {
            self.choose(DEFAULT_CHARACTER);
        }
    }

    /// Drops all samples. Call this when the stream starts again: samples from before the break cannot be interpolated.
    pub(super) fn restart(&mut self) {
        for actor in self.actors.values_mut() {
            actor.restart();
        }
        self.history.clear();
    }

    /// Iterates over all characters by ascending id.
    pub(super) fn actors(&self) -> impl Iterator<Item = (u32, &Actor)> {
        self.actors.iter().map(|(id, actor)| (*id, actor))
    }

    /// Returns the number of characters.
    pub(super) fn count(&self) -> usize {
        self.actors.len()
    }

    /// Extends the trails to the places where the characters are drawn at `now`.
    pub(super) fn grow_trails(&mut self, now: f64) {
        for (id, actor) in &mut self.actors {
            if !actor.is_hidden
                && actor.trail.is_due(now)
                && let Some(place) = place_of(*id, actor, self.held, now)
            {
                actor.trail.push(now, place);
            }
        }
    }

    /// Iterates over the visible characters and the places where they are drawn.
    pub(super) fn visible(&self, now: f64) -> impl Iterator<Item = (u32, &Actor, Place)> {
        let shown = self.actors().filter(|(_, actor)| !actor.is_hidden);
        shown.filter_map(move |(id, actor)| Some((id, actor, place_of(id, actor, self.held, now)?)))
    }

    /// Returns the character that the numbers describe and the keys move.
    pub(super) fn chosen(&self) -> u32 {
        self.chosen
    }

    pub(super) fn choose(&mut self, id: u32) {
        if self.chosen != id {
            self.chosen = id;
            self.history.clear();
        }
    }

    pub(super) fn hide(&mut self, id: u32, is_hidden: bool) {
        if let Some(actor) = self.actors.get_mut(&id) {
            actor.hide(is_hidden);
        }
    }

    /// Draws a character where the reader drags it, before the server confirms the move.
    pub(super) fn hold(&mut self, id: u32, place: Place) {
        let until = f64::INFINITY;
        self.held = Some(Held { id, place, until });
    }

    /// Ends the drag.
    pub(super) fn release(&mut self, now: f64) {
        if let Some(held) = &mut self.held {
            held.until = now + PLAYOUT_DELAY + ECHO_TIME;
        }
    }

    /// Returns whether the reader drags a character.
    pub(super) fn is_held(&self, now: f64) -> bool {
        self.held.is_some_and(|held| now < held.until)
    }

    /// Returns the place where a character is drawn at `now`.
    pub(super) fn place(&self, id: u32, now: f64) -> Option<Place> {
        place_of(id, self.actors.get(&id)?, self.held, now)
    }

    /// Returns the newest known place of the chosen character, from which a key moves it.
    pub(super) fn newest_place(&self, now: f64) -> Option<Place> {
        held_place(self.chosen, self.held, now)
            .or_else(|| self.actors.get(&self.chosen)?.newest_place())
    }

    /// Returns the direction that a character faces, in degrees from +x towards +y.
    pub(super) fn heading(&self, id: u32, now: f64) -> Option<f64> {
        self.actors.get(&id)?.heading(now)
    }

    pub(super) fn name(&self, id: u32) -> String {
        let actor = self.actors.get(&id);
        actor.map(|actor| actor.name.clone()).unwrap_or_default()
    }

    /// Returns the visible character nearest to a point of the canvas, within a radius in CSS pixels.
    pub(super) fn hit(&self, view: View, point: (f64, f64), radius: f64, now: f64) -> Option<u32> {
        let distance = |place| {
            let drawn = view.to_canvas(place)?;
            Some((drawn.left - point.0).hypot(drawn.top - point.1))
        };
        let near = self.visible(now).filter_map(|(id, _, place)| {
            let distance = distance(place)?;
            (distance <= radius).then_some((distance, id))
        });
        let nearest = near.min_by(|(one, _), (other, _)| one.total_cmp(other));
        nearest.map(|(_, id)| id)
    }

    /// Returns the view of a canvas of this size. The camera stands still during a drag: the ground would move under
    /// the pointer.
    pub(super) fn view(&mut self, now: f64, width: f64, height: f64) -> View {
        if !self.is_held(now) {
            match self.camera.mode() {
                CameraMode::All => {
                    let range = range_for(self.visible(now).map(|(_, _, place)| place));
                    self.camera.centre_on_listener(range);
                }
                CameraMode::Chosen => {
                    if let Some(place) = self.place(self.chosen, now) {
                        self.camera.centre_on(place);
                    }
                }
                CameraMode::Free => (),
            }
        }
        View {
            width,
            height,
            camera: self.camera.current(),
        }
    }

    /// Returns the numbers of the chosen character at `now`; `None` before its first sample.
    pub(super) fn readout(&self, now: f64) -> Option<Readout> {
        let actor = self.actors.get(&self.chosen)?;
        let newest = self.history.newest();
        Some(Readout {
            name: actor.name.clone(),
            place: self.place(self.chosen, now)?,
            rate: self.history.rate(now),
            age: newest.map_or(0.0, |arrival| (now - arrival.at).max(0.0)),
            delay: newest.map_or(0.0, |arrival| arrival.delay),
            jitter: newest.map_or(0.0, |arrival| arrival.jitter),
        })
    }
}

/// Returns the place where a character is drawn.
fn place_of(id: u32, actor: &Actor, held: Option<Held>, now: f64) -> Option<Place> {
    held_place(id, held, now).or_else(|| actor.place(now))
}

/// Returns the place to which the reader has dragged a character; `None` for a character that is not dragged.
fn held_place(id: u32, held: Option<Held>, now: f64) -> Option<Place> {
    let held = held.filter(|held| held.id == id && now < held.until);
    held.map(|held| held.place)
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::{Character, Pos, Sample};

    use super::*;

    fn at(x: f64) -> Place {
        Place { x, y: 0.0, z: 0.0 }
    }

    fn update(complete: bool, names: &[(u32, &str)], samples: &[(u32, u32, f32)]) -> StageUpdate {
        let character = |(id, name): &(u32, &str)| Character {
            id: *id,
            name: (*name).to_owned(),
            ..Character::default()
        };
        let sample = |(id, sequence, x): &(u32, u32, f32)| Sample {
            character: *id,
            epoch: 1,
            sequence: *sequence,
            time_ms: i64::from(*sequence) * 100,
            position: Some(Pos {
                x: *x,
                y: 0.0,
                z: 0.0,
            }),
        };
        StageUpdate {
            complete,
            characters: names.iter().map(character).collect(),
            samples: samples.iter().map(sample).collect(),
            ..StageUpdate::default()
        }
    }

    /// Returns a scene with the walker at 1 m and Ann at 3 m.
    fn scene() -> Scene {
        let mut scene = Scene::default();
        let names = [(DEFAULT_CHARACTER, "Walker"), (2, "Ann")];
        scene.take(
            0.0,
            update(true, &names, &[(DEFAULT_CHARACTER, 1, 1.0), (2, 1, 3.0)]),
        );
        scene
    }

    #[test]
    fn characters_join_move_and_leave() {
        let mut scene = scene();
        assert_eq!(scene.place(2, 0.0), Some(at(3.0)));
        scene.take(100.0, update(false, &[], &[(2, 2, 4.0), (9, 1, 0.0)]));
        assert_eq!(scene.place(2, 1000.0), Some(at(4.0)));
        assert_eq!(scene.place(9, 1000.0), None, "no character has this id");
        scene.choose(5);
        scene.take(150.0, update(false, &[], &[]));
        assert_eq!(scene.chosen(), 5, "its first update may follow");
        scene.choose(2);
        let mut left = update(false, &[], &[]);
        left.left.push(2);
        scene.take(200.0, left);
        assert_eq!(scene.actors().count(), 1);
        assert_eq!(scene.chosen(), DEFAULT_CHARACTER);
        scene.take(300.0, update(true, &[(7, "Bob")], &[]));
        let ids: Vec<_> = scene.actors().map(|(id, _)| id).collect();
        assert_eq!(ids, [7], "the complete state");
    }

    #[test]
    fn a_dragged_character_is_drawn_at_the_pointer_and_the_camera_stands_still() {
        let mut scene = scene();
        let before = scene.view(0.0, 400.0, 400.0);
        scene.hold(2, at(30.0));
        assert_eq!(scene.place(2, 10.0), Some(at(30.0)));
        assert_eq!(scene.place(DEFAULT_CHARACTER, 10.0), Some(at(1.0)));
        assert_eq!(scene.view(10.0, 400.0, 400.0), before);
        scene.release(20.0);
        assert_eq!(
            scene.place(2, 30.0),
            Some(at(30.0)),
            "until the server confirms the move"
        );
        scene.take(40.0, update(false, &[], &[(2, 2, 29.0)]));
        assert_eq!(scene.place(2, 1000.0), Some(at(29.0)));
        assert!(scene.view(1000.0, 400.0, 400.0).camera.range > before.camera.range);
    }

    #[test]
    fn a_hidden_character_is_neither_drawn_nor_hit() {
        let mut scene = scene();
        let view = scene.view(0.0, 400.0, 400.0);
        let point = view.to_canvas(at(3.0)).expect("visible");
        let hit = |scene: &Scene| scene.hit(view, (point.left + 5.0, point.top), 20.0, 0.0);
        assert_eq!(hit(&scene), Some(2));
        scene.hide(2, true);
        assert_eq!(hit(&scene), None);
        assert_eq!(scene.visible(0.0).count(), 1);
    }

    #[test]
    fn the_camera_follows_the_chosen_character() {
        let mut scene = scene();
        scene.choose(2);
        scene.camera.set_mode(CameraMode::Chosen);
        assert_eq!(scene.view(0.0, 400.0, 400.0).camera.centre, at(3.0));
    }

    #[test]
    fn there_are_no_numbers_before_the_first_sample() {
        assert_eq!(Scene::default().readout(0.0), None);
        let mut scene = scene();
        assert_eq!(scene.readout(1.0).expect("a readout").name, "Walker");
        scene.restart();
        assert_eq!(scene.readout(2.0), None);
    }
}
