//! The canvas, and what draws it.

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

/// How long colours are kept before they are read again, in milliseconds: the theme may change.
const COLOURS_LIFE: f64 = 1000.0;

/// How often readers who want less motion see a new picture, in milliseconds.
const CALM_INTERVAL: f64 = 1000.0;

/// The stage.
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
    let hands = PointerInput::new(canvas, scene, publisher, chosen, audio);
    view! {
        <canvas
            node_ref=canvas
            class="stage-canvas"
            tabindex="0"
            role="application"
            aria-label=t("The stage")
            aria-describedby="stage-sentence stage-help"
            on:pointerdown=move |ev| hands.touch(&ev)
            on:pointermove=move |ev| hands.go_on(&ev)
            on:pointerup=move |ev| hands.let_go(&ev)
            on:pointercancel=move |ev| hands.let_go(&ev)
            on:wheel=move |ev| hands.scroll(&ev)
            on:keydown=move |ev| hands.press(&ev)
            on:dragover=move |ev| PointerInput::carry(&ev)
            on:drop=move |ev| hands.drop_file(&ev)
        ></canvas>
    }
}

/// What draws each frame.
fn paint(
    canvas: HtmlCanvasElement,
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    publisher: Publisher,
) -> impl FnMut(f64) + 'static {
    let mut painter = Painter::new(canvas);
    let mut read = browser::now();
    let mut drawn = f64::NEG_INFINITY;
    let mut calm = browser::media_matches("(prefers-reduced-motion: reduce)");
    move |now| {
        let link = link.try_get_untracked().unwrap_or(Link::Paused);
        let held = scene.try_with_value(|scene| scene.is_held(now));
        let is_held = held.unwrap_or(false);
        let is_fresh = now - read < COLOURS_LIFE;
        // A paused picture is one picture, unless the reader moves something in it; so is each of a calm one.
        let is_frozen = link == Link::Paused && !is_held && drawn > 0.0 && is_fresh;
        if is_frozen || (calm && now - drawn < CALM_INTERVAL) {
            return;
        }
        if !is_fresh {
            read = now;
            painter.read_colours();
            calm = browser::media_matches("(prefers-reduced-motion: reduce)");
        }
        drawn = now;
        let options = Options {
            trails: !calm,
            is_stale: !matches!(link, Link::Live | Link::Still | Link::Paused),
            own: publisher.own_untracked(),
        };
        let _ = scene.try_update_value(|scene| painter.draw(scene, now, options));
    }
}
