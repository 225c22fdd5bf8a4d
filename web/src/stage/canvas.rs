//! The canvas, and what pointer and keys do on it: move characters, and the camera.

use std::collections::BTreeMap;

use leptos::ev::{KeyboardEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use super::draw::{self, Options};
use super::link::Link;
use super::palette::Palette;
use super::place::Place;
use super::publisher::Publisher;
use super::scene::Scene;
use super::view::View;
use crate::browser::{self, FrameLoop};
use crate::language::t;

/// How far a key moves the chosen character, in metres; ten times that with Shift.
const KEY_STEP: f64 = 0.1;

/// How much nearer a key brings the stage.
const KEY_ZOOM: f64 = 1.25;

/// How much nearer the wheel brings it, for each pixel that it scrolls.
const WHEEL_ZOOM: f64 = 1.0015;

/// How near the pointer must be to a character to take it, in pixels.
const REACH: f64 = 22.0;

/// How long colours are kept before they are read again, in milliseconds: the theme may change.
const PALETTE_LIFE: f64 = 1000.0;

/// How often readers who want less motion see a new picture, in milliseconds.
const CALM_INTERVAL: f64 = 1000.0;

/// What the pointers do.
#[derive(Debug, Default)]
struct Gesture {
    /// Where they are, in pixels, by their ids.
    pointers: BTreeMap<i32, (f64, f64)>,
    /// The character that they move; without one, they move the stage.
    moved: Option<u32>,
}

/// The stage.
#[component]
pub(super) fn StageCanvas(
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    publisher: Publisher,
    chosen: RwSignal<u32>,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let frames = StoredValue::new_local(None::<FrameLoop>);
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            let painter = painter(canvas, scene, link, publisher);
            frames.set_value(Some(FrameLoop::start(painter)));
        }
    });
    on_cleanup(move || drop(frames.try_update_value(Option::take)));

    let gesture = StoredValue::new_local(Gesture::default());
    let view = move || {
        canvas
            .get_untracked()
            .and_then(|canvas| view(scene, &canvas))
    };
    let begin = move |ev: PointerEvent| {
        let Some(view) = view() else { return };
        if let Some(canvas) = canvas.get_untracked() {
            // Without the capture a drag ends at the canvas's edge, and works all the same.
            let _ = canvas.set_pointer_capture(ev.pointer_id());
        }
        let point = point(&ev);
        let hit = scene.with_value(|scene| scene.at(view, point, REACH, browser::now()));
        gesture.update_value(|gesture| {
            let is_first = gesture.pointers.is_empty();
            gesture.pointers.insert(ev.pointer_id(), point);
            // A second finger moves the stage.
            gesture.moved = hit.filter(|_| is_first);
        });
        if let Some(id) = hit {
            chosen.set(id);
        }
    };
    let go_on = move |ev: PointerEvent| {
        let Some(view) = view() else { return };
        let point = point(&ev);
        gesture.update_value(|gesture| {
            let Some(before) = gesture.pointers.insert(ev.pointer_id(), point) else {
                // It only passes over.
                gesture.pointers.remove(&ev.pointer_id());
                return;
            };
            match gesture.moved {
                Some(id) => drag(scene, publisher, view, id, point),
                None => shift(scene, view, &gesture.pointers, ev.pointer_id(), before),
            }
        });
    };
    let end = move |ev: PointerEvent| {
        gesture.update_value(|gesture| {
            gesture.pointers.remove(&ev.pointer_id());
            gesture.moved = None;
        });
        scene.update_value(|scene| scene.release(browser::now()));
    };
    let scroll = move |ev: WheelEvent| {
        // Somebody who scrolls the page past the stage wants to go on.
        let is_meant = ev.ctrl_key()
            || canvas.get_untracked().is_some_and(|canvas| {
                document()
                    .active_element()
                    .is_some_and(|active| active == **canvas)
            });
        let Some(view) = view().filter(|_| is_meant) else {
            return;
        };
        ev.prevent_default();
        let under = view.to_stage((f64::from(ev.offset_x()), f64::from(ev.offset_y())), 0.0);
        let factor = WHEEL_ZOOM.powf(-ev.delta_y());
        scene.update_value(|scene| scene.set_camera(scene.camera().zoomed(factor, under)));
    };
    let press = move |ev: KeyboardEvent| {
        if ev.alt_key() || ev.ctrl_key() || ev.meta_key() {
            return;
        }
        let key = ev.key();
        if let Some(factor) = zoom_of(&key) {
            ev.prevent_default();
            scene.update_value(|scene| scene.set_camera(scene.camera().zoomed(factor, None)));
        }
        if let Some(direction) = direction_of(&key) {
            ev.prevent_default();
            step(scene, publisher, direction, ev.shift_key());
        }
    };
    view! {
        <canvas
            node_ref=canvas
            class="stage-canvas"
            tabindex="0"
            role="application"
            aria-label=t("The stage")
            aria-describedby="stage-sentence stage-help"
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=end
            on:pointercancel=end
            on:wheel=scroll
            on:keydown=press
        ></canvas>
    }
}

/// What draws each frame.
fn painter(
    canvas: HtmlCanvasElement,
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    publisher: Publisher,
) -> impl FnMut(f64) + 'static {
    let mut palette = Palette::of(&canvas);
    let mut sprites = None;
    let mut read = browser::now();
    let mut drawn = f64::NEG_INFINITY;
    let mut calm = browser::media_matches("(prefers-reduced-motion: reduce)");
    move |now| {
        let link = link.try_get_untracked().unwrap_or(Link::Paused);
        let held = scene.try_with_value(|scene| scene.is_held(now));
        let is_held = held.unwrap_or(false);
        let is_fresh = now - read < PALETTE_LIFE;
        // A paused picture is one picture, unless the reader moves something in it; so is each of a calm one.
        let is_frozen = link == Link::Paused && !is_held && drawn > 0.0 && is_fresh;
        if is_frozen || (calm && now - drawn < CALM_INTERVAL) {
            return;
        }
        if !is_fresh {
            read = now;
            let colours = Palette::of(&canvas);
            if colours != palette {
                palette = colours;
                sprites = None;
            }
            calm = browser::media_matches("(prefers-reduced-motion: reduce)");
        }
        drawn = now;
        let options = Options {
            trails: !calm,
            is_stale: matches!(link, Link::Reconnecting | Link::Connecting),
            own: publisher.own_untracked(),
        };
        let _ = scene.try_update_value(|scene| {
            draw::draw(&canvas, &palette, &mut sprites, scene, now, options);
        });
    }
}

fn view(scene: StoredValue<Scene, LocalStorage>, canvas: &HtmlCanvasElement) -> Option<View> {
    let (width, height) = (
        f64::from(canvas.client_width()),
        f64::from(canvas.client_height()),
    );
    scene.try_update_value(|scene| scene.view(browser::now(), width, height))
}

fn point(ev: &PointerEvent) -> (f64, f64) {
    (f64::from(ev.offset_x()), f64::from(ev.offset_y()))
}

/// Moves a character under the pointer, at the height that it has.
fn drag(
    scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    view: View,
    id: u32,
    point: (f64, f64),
) {
    let place = scene.try_update_value(|scene| {
        let height = scene.place(id, browser::now()).unwrap_or_default().z;
        let place = view.to_stage(point, height)?;
        scene.hold(id, place);
        Some(place)
    });
    if let Some(place) = place.flatten() {
        publisher.put(id, place);
    }
}

/// Moves the stage with one pointer; and turns it nearer or farther as two go apart or together.
fn shift(
    scene: StoredValue<Scene, LocalStorage>,
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
    } else if let (Some(from), Some(to)) = (view.to_stage(before, 0.0), view.to_stage(now, 0.0)) {
        camera.centre.x += from.x - to.x;
        camera.centre.y += from.y - to.y;
    }
    scene.update_value(|scene| scene.pan(camera));
}

/// Moves the chosen character by a step.
fn step(
    scene: StoredValue<Scene, LocalStorage>,
    publisher: Publisher,
    direction: Place,
    is_long: bool,
) {
    let length = if is_long { 10.0 * KEY_STEP } else { KEY_STEP };
    let now = browser::now();
    let moved = scene.try_update_value(|scene| {
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
        publisher.put(id, place);
    }
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
