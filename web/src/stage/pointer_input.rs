//! Pointer, wheel and key input on the canvas: moves characters and the camera.

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

/// The distance in metres by which a key moves the chosen character; ten times as far with Shift.
const KEY_STEP: f64 = 0.1;

/// The factor by which a key zooms.
const KEY_ZOOM: f64 = 1.25;

/// The factor by which the wheel zooms for each pixel.
const WHEEL_ZOOM: f64 = 1.0015;

/// The distance in CSS pixels within which a pointer hits a character.
const HIT_RADIUS: f64 = 22.0;

/// The handler of the canvas's input events.
#[derive(Clone, Copy)]
pub(super) struct PointerInput {
    canvas: NodeRef<html::Canvas>,
    scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    chosen: RwSignal<u32>,
    audio: Audio,
    gesture: StoredValue<Gesture>,
}

/// The pointers that are down.
#[derive(Debug, Default)]
struct Gesture {
    /// Points in CSS pixels, by pointer id.
    pointers: BTreeMap<i32, (f64, f64)>,
    /// The character that is dragged. Without a character the pointers move the camera.
    dragged: Option<u32>,
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

    /// Starts dragging a character or the ground.
    pub(super) fn pointer_down(self, ev: &PointerEvent) {
        let Some(view) = self.view() else { return };
        if let Some(canvas) = self.canvas.get_untracked() {
            // Without the capture a drag ends at the edge of the canvas.
            let _ = canvas.set_pointer_capture(ev.pointer_id());
        }
        let point = point(ev);
        let hit = self.hit(view, point);
        self.gesture.update_value(|gesture| {
            let is_first = gesture.pointers.is_empty();
            gesture.pointers.insert(ev.pointer_id(), point);
            // A second finger moves the camera.
            gesture.dragged = hit.filter(|_| is_first);
        });
        if let Some(id) = hit {
            self.chosen.set(id);
        }
    }

    /// Continues a drag.
    pub(super) fn pointer_move(self, ev: &PointerEvent) {
        let Some(view) = self.view() else { return };
        let point = point(ev);
        self.gesture.update_value(|gesture| {
            let Some(before) = gesture.pointers.get(&ev.pointer_id()).copied() else {
                // The pointer hovers.
                return;
            };
            gesture.pointers.insert(ev.pointer_id(), point);
            match gesture.dragged {
                Some(id) => self.drag(view, id, point),
                None => self.move_camera(view, &gesture.pointers, ev.pointer_id(), before),
            }
        });
    }

    /// Ends a drag.
    pub(super) fn pointer_up(self, ev: &PointerEvent) {
        self.gesture.update_value(|gesture| {
            gesture.pointers.remove(&ev.pointer_id());
            gesture.dragged = None;
        });
        self.scene
            .update_value(|scene| scene.release(browser::now()));
    }

    /// Zooms if the canvas has the focus or Ctrl is held. Otherwise the wheel scrolls the page past the canvas.
    pub(super) fn wheel(self, ev: &WheelEvent) {
        let has_focus = self.canvas.get_untracked().is_some_and(|canvas| {
            let active = document().active_element();
            active.is_some_and(|active| active == **canvas)
        });
        let zooms = has_focus || ev.ctrl_key();
        let Some(view) = self.view().filter(|_| zooms) else {
            return;
        };
        ev.prevent_default();
        let fixed = view.to_stage((f64::from(ev.offset_x()), f64::from(ev.offset_y())), 0.0);
        self.zoom(WHEEL_ZOOM.powf(-ev.delta_y()), fixed);
    }

    /// Moves the chosen character, or zooms.
    pub(super) fn key_down(self, ev: &KeyboardEvent) {
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

    /// Accepts a dragged file.
    pub(super) fn drag_over(ev: &DragEvent) {
        if browser::has_files(ev) {
            // Without this the browser opens the file.
            ev.prevent_default();
        }
    }

    /// Makes a dropped file the sound of the character under the pointer.
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

    /// Returns the character under a point of the canvas.
    fn hit(self, view: View, point: (f64, f64)) -> Option<u32> {
        self.scene
            .with_value(|scene| scene.hit(view, point, HIT_RADIUS, browser::now()))
    }

    fn zoom(self, factor: f64, fixed: Option<Place>) {
        self.scene.update_value(|scene| {
            let camera = scene.camera.current();
            scene.camera.set(camera.zoomed(factor, fixed));
        });
    }

    /// Moves a character to the pointer, at its current height.
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

    /// Pans with one pointer; zooms with two.
    fn move_camera(
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
            let distance = |point: (f64, f64)| (point.0 - other.0).hypot(point.1 - other.1);
            let factor = distance(now) / distance(before).max(1.0);
            camera = camera.zoomed(factor, view.to_stage(*other, 0.0));
        } else if let (Some(from), Some(to)) = (view.to_stage(before, 0.0), view.to_stage(now, 0.0))
        {
            camera.centre.x += from.x - to.x;
            camera.centre.y += from.y - to.y;
        }
        self.scene.update_value(|scene| scene.camera.pan(camera));
    }

    /// Moves the chosen character by one step.
    fn step(self, direction: Place, is_long: bool) {
        let length = if is_long { 10.0 * KEY_STEP } else { KEY_STEP };
        let now = browser::now();
        let moved = self.scene.try_update_value(|scene| {
            let from = scene.newest_place(now)?;
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

/// Returns the direction in which a key moves a character, as a step of one metre.
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

/// Returns the factor by which a key zooms.
fn zoom_of(key: &str) -> Option<f64> {
    match key {
        "+" | "=" => Some(KEY_ZOOM),
        "-" => Some(1.0 / KEY_ZOOM),
        _ => None,
    }
}
