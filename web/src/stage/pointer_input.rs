//! What pointers and keys do on the canvas: move characters, and the camera.

use std::collections::BTreeMap;

use leptos::ev::{DragEvent, KeyboardEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use super::place::Place;
use super::publisher::Publisher;
use super::scene::Scene;
use super::sound::Audio;
use super::view::View;
use crate::browser;

/// How far a key moves the chosen character, in metres; ten times that with Shift.
const KEY_STEP: f64 = 0.1;

/// How much nearer a key brings the stage.
const KEY_ZOOM: f64 = 1.25;

/// How much nearer the wheel brings it, for each pixel that it scrolls.
const WHEEL_ZOOM: f64 = 1.0015;

/// How near the pointer must be to a character to take it, in pixels.
const REACH: f64 = 22.0;

/// What the reader does with the stage.
#[derive(Clone, Copy)]
pub(super) struct PointerInput {
    canvas: NodeRef<html::Canvas>,
    scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    chosen: RwSignal<u32>,
    audio: Audio,
    gesture: StoredValue<Gesture>,
}

/// What the pointers do.
#[derive(Debug, Default)]
struct Gesture {
    /// Where they are, in pixels, by their ids.
    pointers: BTreeMap<i32, (f64, f64)>,
    /// The character that they move; without one, they move the stage.
    moved: Option<u32>,
}

impl PointerInput {
    pub(super) fn new(
        canvas: NodeRef<html::Canvas>,
        scene: StoredValue<Scene, LocalStorage>,
        publisher: Publisher,
        chosen: RwSignal<u32>,
        audio: Audio,
    ) -> Self {
        Self {
            canvas,
            scene,
            publisher,
            chosen,
            audio,
            gesture: StoredValue::new(Gesture::default()),
        }
    }

    /// Takes hold of a character, or of the stage.
    pub(super) fn touch(self, ev: &PointerEvent) {
        let Some(view) = self.view() else { return };
        if let Some(canvas) = self.canvas.get_untracked() {
            // Without the capture a drag ends at the canvas's edge, and works all the same.
            let _ = canvas.set_pointer_capture(ev.pointer_id());
        }
        let point = point(ev);
        let hit = self.hit(view, point);
        self.gesture.update_value(|gesture| {
            let is_first = gesture.pointers.is_empty();
            gesture.pointers.insert(ev.pointer_id(), point);
            // A second finger moves the stage.
            gesture.moved = hit.filter(|_| is_first);
        });
        if let Some(id) = hit {
            self.chosen.set(id);
        }
    }

    pub(super) fn go_on(self, ev: &PointerEvent) {
        let Some(view) = self.view() else { return };
        let point = point(ev);
        self.gesture.update_value(|gesture| {
            let Some(before) = gesture.pointers.get(&ev.pointer_id()).copied() else {
                // It only passes over.
                return;
            };
            gesture.pointers.insert(ev.pointer_id(), point);
            match gesture.moved {
                Some(id) => self.drag(view, id, point),
                None => self.shift(view, &gesture.pointers, ev.pointer_id(), before),
            }
        });
    }

    pub(super) fn let_go(self, ev: &PointerEvent) {
        self.gesture.update_value(|gesture| {
            gesture.pointers.remove(&ev.pointer_id());
            gesture.moved = None;
        });
        self.scene
            .update_value(|scene| scene.release(browser::now()));
    }

    /// Zooms, if the stage has the focus: somebody who scrolls the page past it wants to go on.
    pub(super) fn scroll(self, ev: &WheelEvent) {
        let has_focus = self.canvas.get_untracked().is_some_and(|canvas| {
            let active = document().active_element();
            active.is_some_and(|active| active == **canvas)
        });
        let is_meant = has_focus || ev.ctrl_key();
        let Some(view) = self.view().filter(|_| is_meant) else {
            return;
        };
        ev.prevent_default();
        let under = view.to_stage((f64::from(ev.offset_x()), f64::from(ev.offset_y())), 0.0);
        self.zoom(WHEEL_ZOOM.powf(-ev.delta_y()), under);
    }

    pub(super) fn press(self, ev: &KeyboardEvent) {
        if ev.alt_key() || ev.ctrl_key() || ev.meta_key() {
            return;
        }
        let key = ev.key();
        if let Some(factor) = zoom_of(&key) {
            ev.prevent_default();
            self.zoom(factor, None);
        }
        if let Some(direction) = direction_of(&key) {
            ev.prevent_default();
            self.step(direction, ev.shift_key());
        }
    }

    /// A file is over the stage.
    pub(super) fn carry(ev: &DragEvent) {
        if browser::has_files(ev) {
            // Or the browser opens the file.
            ev.prevent_default();
        }
    }

    /// The character that a file is dropped on sounds like it.
    pub(super) fn drop_file(self, ev: &DragEvent) {
        ev.prevent_default();
        let point = (f64::from(ev.offset_x()), f64::from(ev.offset_y()));
        let hit = self.view().and_then(|view| self.hit(view, point));
        if let (Some(id), Some(file)) = (hit, browser::dropped_file(ev)) {
            self.chosen.set(id);
            self.audio.play_file(id, file);
        }
    }

    fn view(self) -> Option<View> {
        let canvas: HtmlCanvasElement = self.canvas.get_untracked()?;
        let (width, height) = (
            f64::from(canvas.client_width()),
            f64::from(canvas.client_height()),
        );
        self.scene
            .try_update_value(|scene| scene.view(browser::now(), width, height))
    }

    /// Who is under a point of the canvas.
    fn hit(self, view: View, point: (f64, f64)) -> Option<u32> {
        self.scene
            .with_value(|scene| scene.at(view, point, REACH, browser::now()))
    }

    fn zoom(self, factor: f64, under: Option<Place>) {
        self.scene
            .update_value(|scene| scene.set_camera(scene.camera().zoomed(factor, under)));
    }

    /// Moves a character under the pointer, at the height that it has.
    fn drag(self, view: View, id: u32, point: (f64, f64)) {
        let place = self.scene.try_update_value(|scene| {
            let height = scene.place(id, browser::now()).unwrap_or_default().z;
            let place = view.to_stage(point, height)?;
            scene.hold(id, place);
            Some(place)
        });
        if let Some(place) = place.flatten() {
            self.publisher.put(id, place);
        }
    }

    /// Moves the stage with one pointer; and brings it nearer or farther as two go apart or together.
    fn shift(
        self,
        view: View,
        pointers: &BTreeMap<i32, (f64, f64)>,
        moved: i32,
        before: (f64, f64),
    ) {
        let now = pointers[&moved];
        let other = pointers.iter().find(|(id, _)| **id != moved);
        let mut camera = view.camera;
        if let Some((_, other)) = other {
            let apart = |point: (f64, f64)| (point.0 - other.0).hypot(point.1 - other.1);
            let factor = apart(now) / apart(before).max(1.0);
            camera = camera.zoomed(factor, view.to_stage(*other, 0.0));
        } else if let (Some(from), Some(to)) = (view.to_stage(before, 0.0), view.to_stage(now, 0.0))
        {
            camera.centre.x += from.x - to.x;
            camera.centre.y += from.y - to.y;
        }
        self.scene.update_value(|scene| scene.pan(camera));
    }

    /// Moves the chosen character by a step.
    fn step(self, direction: Place, is_long: bool) {
        let length = if is_long { 10.0 * KEY_STEP } else { KEY_STEP };
        let now = browser::now();
        let moved = self.scene.try_update_value(|scene| {
            let from = scene.newest(now)?;
            let place = Place {
                x: from.x + direction.x * length,
                y: from.y + direction.y * length,
                z: from.z + direction.z * length,
            };
            scene.hold(scene.chosen(), place);
            scene.release(now);
            Some((scene.chosen(), place))
        });
        if let Some((id, place)) = moved.flatten() {
            self.publisher.put(id, place);
        }
    }
}

fn point(ev: &PointerEvent) -> (f64, f64) {
    (f64::from(ev.offset_x()), f64::from(ev.offset_y()))
}

/// The direction of a key, as a step of one metre.
fn direction_of(key: &str) -> Option<Place> {
    let (x, y, z) = match key {
        "ArrowUp" | "w" | "W" => (1.0, 0.0, 0.0),
        "ArrowDown" | "s" | "S" => (-1.0, 0.0, 0.0),
        "ArrowLeft" | "a" | "A" => (0.0, 1.0, 0.0),
        "ArrowRight" | "d" | "D" => (0.0, -1.0, 0.0),
        "PageUp" | "e" | "E" => (0.0, 0.0, 1.0),
        "PageDown" | "q" | "Q" => (0.0, 0.0, -1.0),
        _ => return None,
    };
    Some(Place { x, y, z })
}

fn zoom_of(key: &str) -> Option<f64> {
    match key {
        "+" | "=" => Some(KEY_ZOOM),
        "-" => Some(1.0 / KEY_ZOOM),
        _ => None,
    }
}
