//! The page's section of recordings.

use futures_util::future::AbortHandle;
use leptos::html;
use leptos::prelude::*;

use super::READOUT_INTERVAL;
use super::player::play_file;
use super::recording::Recording;
use crate::browser;
use crate::language::{fill, t};
use crate::ui::{Control, Field};

/// Recording and playing.
#[component]
pub(super) fn RecordingPanel(recording: StoredValue<Recording, LocalStorage>) -> impl IntoView {
    view! {
        <section class="stage-section" aria-labelledby="recording-heading">
            <h2 id="recording-heading">{t("Recordings")}</h2>
            <Recorder recording />
            <PlayerControls />
        </section>
    }
}

#[component]
fn Recorder(recording: StoredValue<Recording, LocalStorage>) -> impl IntoView {
    let recorded = RwSignal::new(None::<u32>);
    let stop = move || {
        let _ = recorded.try_set(None);
        if let Some(texts) = recording.try_update_value(Recording::end).flatten() {
            let texts = texts.into_iter().map(wasm_bindgen::JsValue::from);
            browser::save_file(
                "stage.ndjson",
                "application/x-ndjson",
                &texts.collect::<js_sys::Array>(),
            );
        }
    };
    // Also with the page: nothing is lost.
    on_cleanup(stop);
    let toggle = move |_| {
        if recorded.get_untracked().is_some() {
            stop();
        } else {
            recording.update_value(|recording| recording.begin(browser::now()));
            recorded.set(Some(0));
        }
    };
    browser::spawn_scoped(async move {
        loop {
            if recorded.get_untracked().is_some() {
                recorded.set(Some(recording.with_value(Recording::lines)));
                if recording.with_value(Recording::is_full) {
                    stop();
                }
            }
            browser::sleep(READOUT_INTERVAL).await;
        }
    });
    view! {
        <div class="stage-buttons">
            <button type="button" class="button" aria-pressed=move || recorded.get().is_some().to_string() on:click=toggle>
                {move || if recorded.get().is_some() { t("Stop and save") } else { t("Record") }}
            </button>
            <span class="quiet" role="status">{move || recorded.get().map(|lines| fill("{0} positions", &[&browser::grouped(lines)]))}</span>
        </div>
    }
}

/// How the playing goes.
#[derive(Clone, PartialEq)]
enum Playing {
    Nothing,
    Now { name: String, seconds: f64 },
    Failed(String),
}

#[component]
fn PlayerControls() -> impl IntoView {
    let speed = RwSignal::new("1".to_owned());
    let playing = RwSignal::new(Playing::Nothing);
    let input = NodeRef::<html::Input>::new();
    let task = StoredValue::new(None::<AbortHandle>);
    let stop = move || {
        if let Some(task) = task.try_update_value(Option::take).flatten() {
            task.abort();
        }
    };
    on_cleanup(stop);
    let play = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        let Some(file) = input.files().and_then(|files| files.get(0)) else {
            return;
        };
        // The same file again is to be a change too.
        input.set_value("");
        let speed = speed.get_untracked().parse().unwrap_or(1.0);
        stop();
        task.set_value(Some(browser::spawn_abortable(async move {
            let tell = |seconds| {
                let name = file.name();
                let _ = playing.try_set(Playing::Now { name, seconds });
            };
            let outcome = play_file(&file, speed, &tell).await;
            let _ = playing.try_set(match outcome {
                Ok(()) => Playing::Nothing,
                Err(sentence) => Playing::Failed(format!("{}: {sentence}", file.name())),
            });
        })));
    };
    let speeds = ["0.25", "0.5", "1", "2", "4", "10"];
    let speeds = speeds.map(|speed| (speed, speed));
    view! {
        <Field id="replay-speed" label=t("Speed") control=Control::Choice(speeds.to_vec()) value=speed.into() on_input=Callback::new(move |text| speed.set(text)) />
        <div class="stage-buttons">
            <label class="button">
                {t("Play a recording…")}
                <input node_ref=input class="visually-hidden" type="file" accept=".ndjson,.jsonl" on:change=play />
            </label>
            <Show when=move || matches!(playing.get(), Playing::Now { .. })>
                <button type="button" class="button" on:click=move |_| { stop(); playing.set(Playing::Nothing); }>{t("Stop")}</button>
            </Show>
        </div>
        <p class="quiet" role="status">{move || match playing.get() {
            Playing::Now { name, seconds } => fill("{0}: {1} s", &[&name, &format!("{seconds:.0}")]),
            _ => String::new(),
        }}</p>
        <p class="form-failure" role="alert">{move || match playing.get() {
            Playing::Failed(sentence) => Some(sentence),
            _ => None,
        }}</p>
    }
}
