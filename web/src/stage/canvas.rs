//! The canvas of the stage, and its frame loop.

use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use super::draw::{Options, Painter};
use super::link::Link;
use super::pointer_input::PointerInput;
use super::publisher::Publisher;
use super::scene::Scene;
use super::sound::Audio;
use crate::browser::{self, FrameLoop};
use crate::language::t;

/// The time after which the colours are read again, in milliseconds, since the theme may change.
const PALETTE_LIFETIME: f64 = 1000.0;

/// The time between two frames for readers who prefer reduced motion, in milliseconds.
const REDUCED_MOTION_INTERVAL: f64 = 1000.0;

/// The canvas of the stage.
#[component]
pub(super) fn StageCanvas(
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    publisher: Publisher,
    chosen: RwSignal<u32>,
    audio: Audio,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let frames = StoredValue::new_local(None::<FrameLoop>);
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            let paint = paint(canvas, scene, link, publisher);
            frames.set_value(Some(FrameLoop::start(paint)));
        }
    });
    on_cleanup(move || drop(frames.try_update_value(Option::take)));
    let input = PointerInput::new(canvas, scene, publisher, chosen, audio);
    view! {
        <canvas
            node_ref=canvas
            class="stage-canvas"
            tabindex="0"
            role="application"
            aria-label=t("The stage")
            aria-describedby="stage-sentence stage-help"
            on:pointerdown=move |ev| input.pointer_down(&ev)
            on:pointermove=move |ev| input.pointer_move(&ev)
            on:pointerup=move |ev| input.pointer_up(&ev)
            on:pointercancel=move |ev| input.pointer_up(&ev)
            on:wheel=move |ev| input.wheel(&ev)
            on:keydown=move |ev| input.key_down(&ev)
            on:dragover=move |ev| PointerInput::drag_over(&ev)
            on:drop=move |ev| input.drop_file(&ev)
        ></canvas>
    }
}

/// Returns the function that draws each frame.
fn paint(
    canvas: HtmlCanvasElement,
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    publisher: Publisher,
) -> impl FnMut(f64) + 'static {
    let mut painter = Painter::new(canvas);
    let mut palette_read = browser::now();
    let mut last_drawn = f64::NEG_INFINITY;
    let mut calm = browser::media_matches("(prefers-reduced-motion: reduce)");
    move |now| {
        let link = link.try_get_untracked().unwrap_or(Link::Paused);
        let held = scene.try_with_value(|scene| scene.is_held(now));
        let is_held = held.unwrap_or(false);
        let is_fresh = now - palette_read < PALETTE_LIFETIME;
        // A paused stage is drawn once, unless the reader moves something.
        let is_frozen = link == Link::Paused && !is_held && last_drawn > 0.0 && is_fresh;
        if is_frozen || (calm && now - last_drawn < REDUCED_MOTION_INTERVAL) {
            return;
        }
        if !is_fresh {
            palette_read = now;
            painter.read_colours();
            calm = browser::media_matches("(prefers-reduced-motion: reduce)");
        }
        last_drawn = now;
        let options = Options {
            trails: !calm,
            is_stale: !matches!(link, Link::Live | Link::Still | Link::Paused),
            own: publisher.own_untracked(),
        };
        let _ = scene.try_update_value(|scene| painter.draw(scene, now, options));
    }
}
