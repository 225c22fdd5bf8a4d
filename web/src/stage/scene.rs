//! All that is drawn, as plain state.

use std::collections::BTreeMap;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Character, StageUpdate};

use super::history::History;
use super::place::{Place, from_pos};
use super::playout::{DELAY, Playout, ReceivedSample};
use super::trail::Trail;
use super::view::{Camera, View, range_for};

/// A character that was moved by hand is shown where it was put until what the server says of it is shown, this much longer
/// than the delay, in milliseconds.
const ECHO: f64 = 200.0;

/// The stage as the page knows it.
#[derive(Debug)]
pub(super) struct Scene {
    actors: BTreeMap<u32, Actor>,
    chosen: u32,
    /// What arrived from the chosen one.
    pub(super) history: History,
    held: Option<Held>,
    camera: Camera,
    /// What the camera does by itself.
    aim: CameraMode,
}

/// A character on the stage.
#[derive(Debug, Default)]
pub(super) struct Actor {
    pub(super) name: String,
    pub(super) user_id: u32,
    pub(super) is_stale: bool,
    /// Not drawn and not heard, since the reader does not want it.
    pub(super) is_hidden: bool,
    playout: Playout,
    pub(super) trail: Trail,
}

/// What the camera does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum CameraMode {
    /// It shows everybody.
    #[default]
    Everybody,
    /// It stays on the chosen one.
    Chosen,
    /// Nothing: the reader has moved it.
    Free,
}

/// A character that the reader moves by hand.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: u32,
    place: Place,
    /// Milliseconds.
    until: f64,
}

/// What the numbers show of the chosen one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Readout {
    pub(super) name: String,
    /// Where it is drawn.
    pub(super) place: Place,
    /// Samples per second.
    pub(super) rate: f64,
    /// Milliseconds since the newest sample.
    pub(super) age: f64,
    /// How much that sample was late, and how much that varies, in milliseconds.
    pub(super) late: f64,
    pub(super) jitter: f64,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            actors: BTreeMap::new(),
            chosen: DEFAULT_CHARACTER,
            history: History::default(),
            held: None,
            camera: Camera::default(),
            aim: CameraMode::default(),
        }
    }
}

impl Scene {
    /// Something has arrived at `now` (milliseconds).
    pub(super) fn take(&mut self, now: f64, update: StageUpdate) {
        // The reader's own may be chosen before it is seen.
        let was_there = self.actors.contains_key(&self.chosen);
        let gone = update.gone(self.actors.keys().copied());
        for character in update.characters {
            let Character {
                id,
                name,
                user_id,
                stale,
                source: _,
            } = character;
            let actor = self.actors.entry(id).or_default();
            (actor.name, actor.user_id, actor.is_stale) = (name, user_id, stale);
        }
        for sample in update.samples {
            let Some(actor) = self.actors.get_mut(&sample.character) else {
                continue;
            };
            let place = from_pos(sample.position.unwrap_or_default());
            let heard = ReceivedSample {
                epoch: sample.epoch,
                sequence: sample.sequence,
                time: sample.time_ms as f64,
                place,
            };
            let late = actor.playout.push(now, heard);
            if let Some(late) = late.filter(|_| sample.character == self.chosen) {
                self.history.push(now, place, late);
            }
        }
        for id in gone {
            self.actors.remove(&id);
        }
        if was_there && !self.actors.contains_key(&self.chosen) {
            self.choose(DEFAULT_CHARACTER);
        }
    }

    /// The stream begins anew, perhaps after a long time: nothing on its way is of use.
    pub(super) fn restart(&mut self) {
        for actor in self.actors.values_mut() {
            actor.playout = Playout::default();
            actor.trail.clear();
        }
        self.history.clear();
    }

    /// Everybody, by id.
    pub(super) fn actors(&self) -> impl Iterator<Item = (u32, &Actor)> {
        self.actors.iter().map(|(id, actor)| (*id, actor))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.actors.len()
    }

    /// Lets trails grow to where everybody is now.
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

    /// Who is drawn, and where.
    pub(super) fn seen(&self, now: f64) -> impl Iterator<Item = (u32, &Actor, Place)> {
        let shown = self.actors().filter(|(_, actor)| !actor.is_hidden);
        shown.filter_map(move |(id, actor)| Some((id, actor, place_of(id, actor, self.held, now)?)))
    }

    /// Whom the numbers are about, and whom the keys move.
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
            actor.is_hidden = is_hidden;
            actor.trail.clear();
        }
    }

    /// The reader moves a character by hand: shown at once, before the server has said so.
    pub(super) fn hold(&mut self, id: u32, place: Place) {
        let until = f64::INFINITY;
        self.held = Some(Held { id, place, until });
    }

    /// The reader has let go.
    pub(super) fn release(&mut self, now: f64) {
        if let Some(held) = &mut self.held {
            held.until = now + DELAY + ECHO;
        }
    }

    /// Whether the reader moves a character by hand.
    pub(super) fn is_held(&self, now: f64) -> bool {
        self.held.is_some_and(|held| now < held.until)
    }

    /// Where a character is drawn at `now`.
    pub(super) fn place(&self, id: u32, now: f64) -> Option<Place> {
        place_of(id, self.actors.get(&id)?, self.held, now)
    }

    /// The newest known place of the chosen one, which a step by key starts from.
    pub(super) fn newest(&self, now: f64) -> Option<Place> {
        held_place(self.chosen, self.held, now)
            .or_else(|| self.actors.get(&self.chosen)?.playout.newest())
    }

    /// Where a character faces, in degrees from +x towards +y.
    pub(super) fn heading(&self, id: u32, now: f64) -> Option<f64> {
        self.actors.get(&id)?.heading(now)
    }

    pub(super) fn name(&self, id: u32) -> String {
        let actor = self.actors.get(&id);
        actor.map(|actor| actor.name.clone()).unwrap_or_default()
    }

    /// Who is drawn within so many pixels of a point of the canvas, the nearest.
    pub(super) fn at(&self, view: View, point: (f64, f64), pixels: f64, now: f64) -> Option<u32> {
        let distance = |place| {
            let spot = view.to_canvas(place)?;
            Some((spot.left - point.0).hypot(spot.top - point.1))
        };
        let near = self.seen(now).filter_map(|(id, _, place)| {
            let distance = distance(place)?;
            (distance <= pixels).then_some((distance, id))
        });
        let nearest = near.min_by(|(one, _), (other, _)| one.total_cmp(other));
        nearest.map(|(_, id)| id)
    }

    /// How a canvas of this size shows the scene. While somebody is moved by hand the camera stays: it would run away from under
    /// the pointer.
    pub(super) fn view(&mut self, now: f64, width: f64, height: f64) -> View {
        if !self.is_held(now) {
            match self.aim {
                CameraMode::Everybody => {
                    let range = range_for(self.seen(now).map(|(_, _, place)| place));
                    self.camera.range = range;
                    self.camera.centre = Place::default();
                }
                CameraMode::Chosen => {
                    if let Some(place) = self.place(self.chosen, now) {
                        self.camera.centre = Place { z: 0.0, ..place };
                    }
                }
                CameraMode::Free => (),
            }
        }
        View {
            width,
            height,
            camera: self.camera,
        }
    }

    pub(super) fn camera(&self) -> Camera {
        self.camera
    }

    /// The reader zooms, or looks from elsewhere.
    pub(super) fn set_camera(&mut self, camera: Camera) {
        if self.aim == CameraMode::Everybody && camera.perspective == self.camera.perspective {
            self.aim = CameraMode::Free;
        }
        self.camera = camera;
    }

    /// The reader moves the camera to another place; it stays there.
    pub(super) fn pan(&mut self, camera: Camera) {
        self.aim = CameraMode::Free;
        self.camera = camera;
    }

    pub(super) fn set_camera_mode(&mut self, aim: CameraMode) {
        self.aim = aim;
    }

    /// What the numbers show at `now`; `None` before the first sample.
    pub(super) fn readout(&self, now: f64) -> Option<Readout> {
        let actor = self.actors.get(&self.chosen)?;
        let newest = self.history.newest();
        Some(Readout {
            name: actor.name.clone(),
            place: self.place(self.chosen, now)?,
            rate: self.history.rate(now),
            age: newest.map_or(0.0, |arrival| (now - arrival.at).max(0.0)),
            late: newest.map_or(0.0, |arrival| arrival.late),
            jitter: newest.map_or(0.0, |arrival| arrival.jitter),
        })
    }
}

impl Actor {
    /// Where it faces, in degrees from +x towards +y.
    pub(super) fn heading(&self, now: f64) -> Option<f64> {
        self.playout.heading(now)
    }
}

/// Where a character is drawn.
fn place_of(id: u32, actor: &Actor, held: Option<Held>, now: f64) -> Option<Place> {
    held_place(id, held, now).or_else(|| actor.playout.place(now))
}

/// Where the reader's hand has a character, if it is this one.
fn held_place(id: u32, held: Option<Held>, now: f64) -> Option<Place> {
    let held = held.filter(|held| held.id == id && now < held.until);
    held.map(|held| held.place)
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::{Pos, Sample};

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

    /// The walker at 1 m and Ann at 3 m.
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
    fn characters_come_move_and_leave() {
        let mut scene = scene();
        assert_eq!(scene.place(2, 0.0), Some(at(3.0)));
        scene.take(100.0, update(false, &[], &[(2, 2, 4.0), (9, 1, 0.0)]));
        assert_eq!(scene.place(2, 1000.0), Some(at(4.0)));
        assert_eq!(scene.place(9, 1000.0), None, "nobody has named it");
        scene.choose(5);
        scene.take(150.0, update(false, &[], &[]));
        assert_eq!(scene.chosen(), 5, "it is about to come");
        scene.choose(2);
        let mut left = update(false, &[], &[]);
        left.left.push(2);
        scene.take(200.0, left);
        assert_eq!(scene.actors().count(), 1);
        assert_eq!(scene.chosen(), DEFAULT_CHARACTER);
        scene.take(300.0, update(true, &[(7, "Bob")], &[]));
        let ids: Vec<_> = scene.actors().map(|(id, _)| id).collect();
        assert_eq!(ids, [7], "all there is");
    }

    #[test]
    fn a_held_character_is_drawn_where_it_is_held_and_the_camera_stays() {
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
            "until the server says so"
        );
        scene.take(40.0, update(false, &[], &[(2, 2, 29.0)]));
        assert_eq!(scene.place(2, 1000.0), Some(at(29.0)));
        assert!(scene.view(1000.0, 400.0, 400.0).camera.range > before.camera.range);
    }

    #[test]
    fn who_is_hidden_is_not_seen_and_not_hit() {
        let mut scene = scene();
        let view = scene.view(0.0, 400.0, 400.0);
        let spot = view.to_canvas(at(3.0)).expect("seen");
        let hit = |scene: &Scene| scene.at(view, (spot.left + 5.0, spot.top), 20.0, 0.0);
        assert_eq!(hit(&scene), Some(2));
        scene.hide(2, true);
        assert_eq!(hit(&scene), None);
        assert_eq!(scene.seen(0.0).count(), 1);
    }

    #[test]
    fn the_camera_follows_the_chosen_one_until_the_reader_moves_it() {
        let mut scene = scene();
        scene.choose(2);
        scene.set_camera_mode(CameraMode::Chosen);
        assert_eq!(scene.view(0.0, 400.0, 400.0).camera.centre, at(3.0));
        scene.set_camera(scene.camera().zoomed(2.0, None));
        assert_eq!(scene.aim, CameraMode::Chosen, "zooming keeps it");
        scene.pan(Camera::default());
        assert_eq!(scene.aim, CameraMode::Free);
        scene.set_camera_mode(CameraMode::Everybody);
        scene.set_camera(scene.camera().zoomed(2.0, None));
        assert_eq!(scene.aim, CameraMode::Free);
    }

    #[test]
    fn there_is_nothing_to_read_out_before_the_first_sample() {
        assert_eq!(Scene::default().readout(0.0), None);
        let mut scene = scene();
        assert_eq!(scene.readout(1.0).expect("a readout").name, "Walker");
        scene.restart();
        assert_eq!(scene.readout(2.0), None);
    }
}
