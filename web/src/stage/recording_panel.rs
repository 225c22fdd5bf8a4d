//! The section *Recordings*: record the positions on the stage, and play a recording.

use futures_util::future::AbortHandle;
use leptos::html;
use leptos::prelude::*;

use super::player::play_file;
use super::recorder::{Length, RecordButton, Recorder};
use super::recording::Recording;
use crate::browser;
use crate::language::{fill, t};
use crate::ui::{Control, Field};

/// The section *Recordings*.
#[component]
pub(super) fn RecordingPanel(recording: StoredValue<Recording, LocalStorage>) -> impl IntoView {
    view! {
        <section class="stage-section" aria-labelledby="recording-heading">
            <h2 id="recording-heading">{t("Recordings")}</h2>
            <RecordButton recorder=PositionRecorder(recording) label=t("Record") />
            <PlayerControls />
        </section>
    }
}

/// Records the positions that the page receives.
#[derive(Clone, Copy)]
struct PositionRecorder(StoredValue<Recording, LocalStorage>);

impl Recorder for PositionRecorder {
    async fn start(self) -> bool {
        // The page may have been left.
        let started = self
            .0
            .try_update_value(|recording| recording.begin(browser::now()));
        started.is_some()
    }

    fn length(self) -> Option<Length> {
        self.0.with_value(|recording| {
            let lines = browser::grouped(recording.lines()?);
            Some(Length {
                text: fill("Positions recorded: {0}", &[&lines]),
                is_full: recording.is_full(),
            })
        })
    }

    fn save(self) {
        if let Some(texts) = self.0.try_update_value(Recording::end).flatten() {
            let texts = texts.into_iter().map(wasm_bindgen::JsValue::from);
            browser::save_file(
                "stage.ndjson",
                "application/x-ndjson",
                &texts.collect::<js_sys::Array>(),
            );
        }
    }
}

/// The state of the player.
#[derive(Clone, PartialEq)]
enum PlayerState {
    Idle,
    Playing { name: String, seconds: f64 },
    Failed(String),
}

/// Plays a recording from a file.
#[component]
fn PlayerControls() -> impl IntoView {
    let speed = RwSignal::new("1".to_owned());
    let state = RwSignal::new(PlayerState::Idle);
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
        // Without this, choosing the same file again is no change.
        input.set_value("");
        let speed = speed.get_untracked().parse().unwrap_or(1.0);
        stop();
        task.set_value(Some(browser::spawn_abortable(async move {
            let report = |seconds| {
                let name = file.name();
                let _ = state.try_set(PlayerState::Playing { name, seconds });
            };
            let outcome = play_file(&file, speed, &report).await;
            let _ = state.try_set(match outcome {
                Ok(()) => PlayerState::Idle,
                Err(error_text) => PlayerState::Failed(format!("{}: {error_text}", file.name())),
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
            <Show when=move || matches!(state.get(), PlayerState::Playing { .. })>
                <button type="button" class="button" on:click=move |_| { stop(); state.set(PlayerState::Idle); }>{t("Stop")}</button>
            </Show>
        </div>
        <p class="quiet" role="status">{move || match state.get() {
            PlayerState::Playing { name, seconds } => fill("{0}: {1} s", &[&name, &format!("{seconds:.0}")]),
            _ => String::new(),
        }}</p>
        <p class="form-failure" role="alert">{move || match state.get() {
            PlayerState::Failed(error_text) => Some(error_text),
            _ => None,
        }}</p>
    }
}
