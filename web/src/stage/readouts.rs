//! The numbers of the chosen character, and the sentence that describes the canvas.

use std::time::Duration;

use leptos::prelude::*;

use super::place::bearing;
use super::playout::PLAYOUT_DELAY;
use super::scene::Readout;
use crate::language::{fill, t};
use crate::ui::fixed;

/// The time between two updates of the numbers: often enough to follow, and slow enough to read.
pub(super) const READOUT_INTERVAL: Duration = Duration::from_millis(200);

/// Returns the text equivalent of the canvas.
pub(super) fn sentence(readout: Option<Readout>) -> String {
    match readout {
        None => t("Waiting for the character's first sample.").into(),
        Some(Readout { name, place, .. }) => {
            let (distance, azimuth) = (fixed(place.distance(), 2), fixed(place.azimuth(), 0));
            fill(
                "{0} is {1} m away, {2} ({3}°).",
                &[&name, &distance, t(bearing(place)), &azimuth],
            )
        }
    }
}

/// The numbers of the chosen character.
#[component]
pub(super) fn Numbers(readout: Signal<Option<Readout>>) -> impl IntoView {
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
                <div><dt>{t("Sample rate")}</dt><dd data-testid="rate">{number(" /s", 1, |readout| readout.rate)}</dd></div>
                <div><dt>{t("Latest sample")}</dt><dd data-testid="age">{number(t(" ms ago"), 0, |readout| readout.age)}</dd></div>
                <div><dt>{t("Delay")}</dt><dd data-testid="delay">{number(" ms", 1, |readout| readout.delay)}</dd></div>
                <div><dt>{t("Jitter")}</dt><dd data-testid="jitter">{number(" ms", 1, |readout| readout.jitter)}</dd></div>
                <div><dt>{t("Playout delay")}</dt><dd data-testid="playout-delay">{fixed(PLAYOUT_DELAY, 0)}" ms"</dd></div>
            </dl>
        </section>
    }
}
