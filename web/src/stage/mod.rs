//! The stage: the character on a canvas, where it is in numbers, and moving it.

mod canvas;
mod draw;
mod link;
mod point;
mod projection;
mod publisher;
mod samples;
mod scene;
mod trail;

use std::time::Duration;

use leptos::prelude::*;

use crate::browser;
use crate::language::{fill, t};
use crate::ui::fixed;

use canvas::StageCanvas;
use link::Link;
use publisher::Publisher;
use scene::{Readout, Scene};

/// How often the numbers change: as often as they can be read.
const READOUT_INTERVAL: Duration = Duration::from_millis(200);

/// The page of the stage.
#[component]
pub(crate) fn StagePage() -> impl IntoView {
    browser::set_title(t("Stage"));
    let scene = StoredValue::new_local(Scene::default());
    let paused = RwSignal::new(false);
    let visible = browser::page_is_visible();
    let link = link::follow(
        scene,
        Signal::derive(move || visible.get() && !paused.get()),
    );
    let publisher = Publisher::new();
    let readout = readout_of(scene, link);
    view! {
        <div class="stage-page">
            <div class="page-head">
                <h1>{t("Stage")}</h1>
                <LinkState link readout />
                <button type="button" class="button" aria-pressed=move || paused.get().to_string() on:click=move |_| paused.update(|paused| *paused = !*paused)>
                    {move || if paused.get() { t("Resume") } else { t("Pause") }}
                </button>
            </div>
            <div class="stage-columns">
                <div class="stage-view">
                    <StageCanvas scene link publisher />
                    <p id="stage-sentence" class="stage-sentence">{move || sentence(readout.get())}</p>
                    <p class="form-failure" role="alert">{move || publisher.failure()}</p>
                </div>
                <Numbers readout />
            </div>
        </div>
    }
}

/// The numbers as they are now and then; they stand still while the stream is paused.
fn readout_of(
    scene: StoredValue<Scene, LocalStorage>,
    link: Signal<Link>,
) -> Signal<Option<Readout>> {
    let readout = RwSignal::new(None);
    browser::spawn_scoped(async move {
        loop {
            if link.get_untracked() != Link::Paused {
                readout.set(scene.with_value(|scene| scene.readout(browser::now())));
            }
            browser::sleep(READOUT_INTERVAL).await;
        }
    });
    readout.into()
}

/// How the stream is, as a word with a mark.
#[component]
fn LinkState(link: Signal<Link>, readout: Signal<Option<Readout>>) -> impl IntoView {
    // A still stage is asked after each two seconds, so nothing this old is to be trusted.
    let stale = move || readout.get().is_some_and(|readout| readout.age > 1000.0);
    let state = Memo::new(move |_| match link.get() {
        Link::Connecting => ("connecting", t("Connecting…")),
        Link::Live if stale() => ("still", t("Waiting")),
        Link::Live => ("live", t("Live")),
        Link::Still => ("still", t("Standing still")),
        Link::Reconnecting => ("broken", t("Reconnecting…")),
        Link::Paused => ("paused", t("Paused")),
    });
    view! {
        <p class=move || format!("link-state {}", state.get().0) role="status">{move || state.get().1}</p>
    }
}

/// The text equivalent of the canvas.
fn sentence(readout: Option<Readout>) -> String {
    match readout {
        None => t("The character has not been seen yet.").into(),
        Some(Readout { place, .. }) => {
            let (distance, azimuth) = (fixed(place.distance(), 2), fixed(place.azimuth(), 0));
            fill(
                "The character is {0} m away, {1} ({2}°).",
                &[&distance, t(place.bearing()), &azimuth],
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
    view! {
        <aside class="stage-numbers" aria-label=t("Readouts")>
            <dl class="readouts">
                <div><dt>{t("x, forward")}</dt><dd data-testid="x">{number(" m", 2, |readout| readout.place.x)}</dd></div>
                <div><dt>{t("y, left")}</dt><dd data-testid="y">{number(" m", 2, |readout| readout.place.y)}</dd></div>
                <div><dt>{t("z, up")}</dt><dd data-testid="z">{number(" m", 2, |readout| readout.place.z)}</dd></div>
                <div><dt>{t("Azimuth")}</dt><dd data-testid="azimuth">{number("°", 0, |readout| readout.place.azimuth())}</dd></div>
                <div><dt>{t("Distance")}</dt><dd data-testid="distance">{number(" m", 2, |readout| readout.place.distance())}</dd></div>
                <div><dt>{t("Messages")}</dt><dd data-testid="rate">{number(" /s", 1, |readout| readout.rate)}</dd></div>
                <div><dt>{t("Newest sample")}</dt><dd data-testid="age">{number(t(" ms ago"), 0, |readout| readout.age)}</dd></div>
                <div><dt>{t("Shown behind by")}</dt><dd data-testid="delay">{fixed(samples::DELAY, 0)}" ms"</dd></div>
            </dl>
            <p id="stage-help" class="quiet">
                {t("Drag or click to move the character. With the stage focused, the arrow keys move it by 0.1 m, with Shift by 1 m; Page Up and Page Down raise and lower it. It walks on by itself a few seconds later.")}
            </p>
        </aside>
    }
}
