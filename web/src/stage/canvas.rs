//! The canvas, and moving the character on it by pointer and by key.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use super::draw::{self, Options, Palette};
use super::link::Link;
use super::point::Point;
use super::projection::Projection;
use super::publisher::Publisher;
use super::scene::Scene;
use crate::browser::{self, FrameLoop};
use crate::language::t;

/// How far an arrow key moves the character, in metres; ten times that with Shift.
const KEY_STEP: f64 = 0.1;

/// How long colours are kept before they are read again, in milliseconds: the theme may change.
const PALETTE_LIFE: f64 = 1000.0;

/// How often readers who want less motion see a new picture, in milliseconds.
const CALM_INTERVAL: f64 = 1000.0;

/// The stage from above.
#[component]
pub(super) fn StageCanvas(
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    publisher: Publisher,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let frames = StoredValue::new_local(None::<FrameLoop>);
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            frames.set_value(Some(FrameLoop::start(painter(canvas, scene, link))));
        }
    });
    on_cleanup(move || drop(frames.try_update_value(Option::take)));

    let dragging = StoredValue::new(false);
    let drag_to = move |ev: &PointerEvent| {
        if let Some(point) = canvas
            .get_untracked()
            .map(|canvas| place_under(ev, &canvas, scene))
        {
            scene.update_value(|scene| scene.hold(Some(point)));
            publisher.send(point);
        }
    };
    let begin = move |ev: PointerEvent| {
        if let Some(canvas) = canvas.get_untracked() {
            // Without the capture a drag ends at the canvas's edge, and works all the same.
            let _ = canvas.set_pointer_capture(ev.pointer_id());
        }
        dragging.set_value(true);
        drag_to(&ev);
    };
    let go_on = move |ev: PointerEvent| {
        if dragging.get_value() {
            drag_to(&ev);
        }
    };
    let end = move |_| {
        dragging.set_value(false);
        scene.update_value(|scene| scene.hold(None));
    };
    let step = move |ev: KeyboardEvent| {
        let length = if ev.shift_key() {
            10.0 * KEY_STEP
        } else {
            KEY_STEP
        };
        let from = scene.with_value(Scene::newest);
        if let (Some(from), Some(direction)) = (from, direction_of(&ev.key())) {
            ev.prevent_default();
            publisher.send(moved(from, direction, length));
        }
    };
    view! {
        <canvas
            node_ref=canvas
            class="stage-canvas"
            tabindex="0"
            role="application"
            aria-label=t("The stage from above")
            aria-describedby="stage-sentence stage-help"
            on:pointerdown=begin
            on:pointermove=go_on
            on:pointerup=end
            on:pointercancel=end
            on:keydown=step
        ></canvas>
    }
}

/// What draws each frame.
fn painter(
    canvas: HtmlCanvasElement,
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
) -> impl FnMut(f64) + 'static {
    let mut palette = Palette::of(&canvas);
    let mut read = browser::now();
    let mut drawn = f64::NEG_INFINITY;
    let mut calm = browser::media_matches("(prefers-reduced-motion: reduce)");
    move |now| {
        let link = link.try_get_untracked().unwrap_or(Link::Paused);
        let is_held = scene.try_with_value(Scene::is_held).unwrap_or(false);
        // A paused picture is one picture, unless the reader moves something in it; so is each of a calm one.
        let is_frozen =
            link == Link::Paused && !is_held && drawn > 0.0 && palette_is_fresh(now, read);
        if is_frozen || (calm && now - drawn < CALM_INTERVAL) {
            return;
        }
        if !palette_is_fresh(now, read) {
            read = now;
            palette = Palette::of(&canvas);
            calm = browser::media_matches("(prefers-reduced-motion: reduce)");
        }
        drawn = now;
        let options = Options {
            trail: !calm,
            stale: matches!(link, Link::Reconnecting | Link::Connecting),
        };
        let _ = scene.try_update_value(|scene| draw::draw(&canvas, &palette, scene, now, options));
    }
}

fn palette_is_fresh(now: f64, read: f64) -> bool {
    now - read < PALETTE_LIFE
}

/// The place under the pointer, at the height that the character has.
fn place_under(
    ev: &PointerEvent,
    canvas: &HtmlCanvasElement,
    scene: StoredValue<Scene, LocalStorage>,
) -> Point {
    let (width, height) = (
        f64::from(canvas.client_width()),
        f64::from(canvas.client_height()),
    );
    let view: Projection = scene
        .try_update_value(|scene| scene.projection(browser::now(), width, height))
        .unwrap_or(Projection {
            width,
            height,
            range: 1.0,
        });
    let z = scene.with_value(Scene::newest).unwrap_or_default().z;
    view.to_stage((f64::from(ev.offset_x()), f64::from(ev.offset_y())), z)
}

/// The direction of a key, as a step of one metre.
fn direction_of(key: &str) -> Option<Point> {
    let (x, y, z) = match key {
        "ArrowUp" => (1.0, 0.0, 0.0),
        "ArrowDown" => (-1.0, 0.0, 0.0),
        "ArrowLeft" => (0.0, 1.0, 0.0),
        "ArrowRight" => (0.0, -1.0, 0.0),
        "PageUp" => (0.0, 0.0, 1.0),
        "PageDown" => (0.0, 0.0, -1.0),
        _ => return None,
    };
    Some(Point { x, y, z })
}

fn moved(from: Point, direction: Point, length: f64) -> Point {
    Point {
        x: from.x + direction.x * length,
        y: from.y + direction.y * length,
        z: from.z + direction.z * length,
    }
}
