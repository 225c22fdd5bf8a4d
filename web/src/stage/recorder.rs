//! The button that records, for positions and for sound.

use leptos::prelude::*;

use super::readouts::READOUT_INTERVAL;
use crate::browser;
use crate::language::t;

/// A recorder that a [`RecordButton`] controls.
pub(super) trait Recorder: Copy + Send + Sync + 'static {
    /// Starts a recording. Returns whether the recording runs.
    fn start(self) -> impl Future<Output = bool>;

    /// Returns the length of the running recording; `None` if no recording runs.
    fn length(self) -> Option<Length>;

    /// Ends the recording and saves its file, if a recording runs.
    fn save(self);
}

/// The length of a recording.
pub(super) struct Length {
    pub(super) text: String,
    /// Whether the recording has its maximum length.
    pub(super) is_full: bool,
}

/// A button that starts a recording, then saves it.
#[component]
pub(super) fn RecordButton(recorder: impl Recorder, label: &'static str) -> impl IntoView {
    // The length of the running recording.
    let length = RwSignal::new(None::<String>);
    let stop = move || {
        let _ = length.try_set(None);
        recorder.save();
    };
    // Saves a running recording when the button is removed.
    on_cleanup(stop);
    let toggle = move |_| {
        if length.get_untracked().is_some() {
            return stop();
        }
        browser::spawn_abortable(async move {
            if recorder.start().await {
                let _ = length.try_set(recorder.length().map(|length| length.text));
            }
        });
    };
    browser::spawn_scoped(async move {
        loop {
            browser::sleep(READOUT_INTERVAL).await;
            if length.get_untracked().is_none() {
                continue;
            }
            match recorder.length() {
                Some(Length {
                    is_full: false,
                    text,
                }) => length.set(Some(text)),
                _ => stop(),
            }
        }
    });
    let is_recording = move || length.with(Option::is_some);
    view! {
        <div class="stage-buttons">
            <button type="button" class="button" aria-pressed=move || is_recording().to_string() on:click=toggle>
                {move || if is_recording() { t("Stop and save") } else { label }}
            </button>
            <span class="quiet" role="status">{length}</span>
        </div>
    }
}
