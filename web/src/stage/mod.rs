//! The stage: everybody on it on a canvas, the chosen one in numbers and plots, and moving them.

mod camera;
mod canvas;
mod characters;
mod draw;
mod history;
mod join;
mod link;
mod palette;
mod place;
mod player;
mod playout;
mod plots;
mod pointer_input;
mod publisher;
mod recording;
mod recording_panel;
mod scene;
mod sound;
mod trail;
mod view;

use std::time::Duration;

use leptos::prelude::*;
use soundstage_proto::DEFAULT_CHARACTER;

use crate::browser;
use crate::language::{fill, t};
use crate::ui::fixed;

use camera::CameraButtons;
use canvas::StageCanvas;
use characters::{Cast, Characters};
use join::JoinForm;
use link::Link;
use place::bearing;
use plots::Plots;
use publisher::Publisher;
use recording::Recording;
use recording_panel::RecordingPanel;
use scene::{Readout, Scene};
use sound::{Audio, SoundControls};

/// How often the numbers change: as often as they can be read.
const READOUT_INTERVAL: Duration = Duration::from_millis(200);

/// The page of the stage.
#[component]
pub(crate) fn StagePage() -> impl IntoView {
    browser::set_title(t("Stage"));
    let scene = StoredValue::new_local(Scene::default());
    let recording = StoredValue::new_local(Recording::default());
    let paused = RwSignal::new(false);
    let wanted = Signal::derive(move || !paused.get());
    let link = link::follow(scene, recording, wanted);
    let publisher = Publisher::new();
    let chosen = RwSignal::new(DEFAULT_CHARACTER);
    choose(scene, publisher, chosen);
    let audio = Audio::new(scene, publisher);
    let search = RwSignal::new(String::new());
    let (readout, cast) = look(scene, link, search, chosen);
    view! {
        <div class="stage-page">
            <div class="page-head">
                <h1>{t("Stage")}</h1>
                <LinkState link />
                <button type="button" class="button" aria-pressed=move || paused.get().to_string() on:click=move |_| paused.update(|paused| *paused = !*paused)>
                    {move || if paused.get() { t("Resume") } else { t("Pause") }}
                </button>
            </div>
            <div class="stage-columns">
                <div class="stage-view">
                    <CameraButtons scene />
                    <StageCanvas scene link publisher chosen audio />
                    <p id="stage-sentence" class="stage-sentence">{move || sentence(readout.get())}</p>
                    <p id="stage-help" class="quiet">
                        {t("Drag a character to move it, the ground to move the stage. With the stage focused, the arrow keys or W, A, S and D move the chosen one by 0.1 m, with Shift by 1 m; E and Q raise and lower it; the wheel, + and − zoom. Whoever is moved by somebody else goes on by itself a few seconds later.")}
                    </p>
                </div>
                <aside class="stage-aside">
                    <Numbers readout />
                    <JoinForm publisher />
                    <Characters scene cast search chosen publisher />
                </aside>
                <div class="stage-below">
                    <Plots scene />
                    <SoundControls audio chosen />
                    <RecordingPanel recording />
                </div>
            </div>
        </div>
    }
}

/// Has the scene know whom the reader has chosen: at first the reader's own character, once there is one.
fn choose(scene: StoredValue<Scene, LocalStorage>, publisher: Publisher, chosen: RwSignal<u32>) {
    Effect::new(move |_| {
        if let Some(own) = publisher.own() {
            chosen.set(own);
        }
    });
    Effect::new(move |_| {
        let chosen = chosen.get();
        scene.update_value(|scene| scene.choose(chosen));
    });
}

/// What the page says of the scene, as it is now and then; it stands still while the stream is paused.
fn look(
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
    search: RwSignal<String>,
    chosen: RwSignal<u32>,
) -> (Signal<Option<Readout>>, Signal<Cast>) {
    let readout = RwSignal::new(None);
    let cast = RwSignal::new(Cast::default());
    browser::spawn_scoped(async move {
        loop {
            let now = browser::now();
            let search = search.get_untracked();
            if link.get_untracked() != Link::Paused {
                readout.set(scene.with_value(|scene| scene.readout(now)));
                // Whoever was chosen may have left.
                chosen.set(scene.with_value(Scene::chosen));
            }
            let listed = scene.with_value(|scene| Cast::of(scene, &search));
            if cast.with_untracked(|cast| *cast != listed) {
                cast.set(listed);
            }
            browser::sleep(READOUT_INTERVAL).await;
        }
    });
    (readout.into(), cast.into())
}

/// How the stream is, as a word with a mark.
#[component]
fn LinkState(link: Signal<Link>) -> impl IntoView {
    let state = move || match link.get() {
        Link::Connecting => ("connecting", t("Connecting…")),
        Link::Live => ("live", t("Live")),
        Link::Still => ("still", t("Standing still")),
        Link::Reconnecting => ("broken", t("Reconnecting…")),
        Link::Failed => ("broken", t("Disconnected")),
        Link::Paused => ("paused", t("Paused")),
    };
    view! {
        <p class=move || format!("link-state {}", state().0) role="status">{move || state().1}</p>
    }
}

/// The text equivalent of the canvas.
fn sentence(readout: Option<Readout>) -> String {
    match readout {
        None => t("The character has not been seen yet.").into(),
        Some(Readout { name, place, .. }) => {
            let (distance, azimuth) = (fixed(place.distance(), 2), fixed(place.azimuth(), 0));
            fill(
                "{0} is {1} m away, {2} ({3}°).",
                &[&name, &distance, t(bearing(place)), &azimuth],
            )
        }
    }
}

#[component]
fn Numbers(readout: Signal<Option<Readout>>) -> impl IntoView {
    let number = move |unit: &'static str, digits: u8, value: fn(&Readout) -> f64| {
        move || match readout.get() {
            Some(readout) => format!("{}{unit}", fixed(value(&readout), digits)),
            None => "–".into(),
        }
    };
    let name = move || readout.get().map(|readout| readout.name);
    view! {
        <section class="stage-section" aria-label=t("Readouts")>
            <h2>{name}</h2>
            <dl class="readouts">
                <div><dt>{t("x, forward")}</dt><dd data-testid="x">{number(" m", 2, |readout| readout.place.x)}</dd></div>
                <div><dt>{t("y, left")}</dt><dd data-testid="y">{number(" m", 2, |readout| readout.place.y)}</dd></div>
                <div><dt>{t("z, up")}</dt><dd data-testid="z">{number(" m", 2, |readout| readout.place.z)}</dd></div>
                <div><dt>{t("Azimuth")}</dt><dd data-testid="azimuth">{number("°", 0, |readout| readout.place.azimuth())}</dd></div>
                <div><dt>{t("Distance")}</dt><dd data-testid="distance">{number(" m", 2, |readout| readout.place.distance())}</dd></div>
                <div><dt>{t("Samples")}</dt><dd data-testid="rate">{number(" /s", 1, |readout| readout.rate)}</dd></div>
                <div><dt>{t("Newest sample")}</dt><dd data-testid="age">{number(t(" ms ago"), 0, |readout| readout.age)}</dd></div>
                <div><dt>{t("Delay")}</dt><dd data-testid="late">{number(" ms", 1, |readout| readout.late)}</dd></div>
                <div><dt>{t("Jitter")}</dt><dd data-testid="jitter">{number(" ms", 1, |readout| readout.jitter)}</dd></div>
                <div><dt>{t("Shown behind by")}</dt><dd data-testid="delay">{fixed(playout::DELAY, 0)}" ms"</dd></div>
            </dl>
        </section>
    }
}
