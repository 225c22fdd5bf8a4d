//! The section *Sound*.

use leptos::html;
use leptos::prelude::*;

use super::super::playout::PLAYOUT_DELAY;
use super::super::readouts::READOUT_INTERVAL;
use super::super::recorder::{Length, RecordButton, Recorder};
use super::audio::Audio;
use super::engine::{self, Engine};
use super::mixer::Source;
use crate::browser;
use crate::language::{fill, t};
use crate::ui::{Control, Field, fixed};

/// The maximum length of a recording in seconds: 345 MB at 48 kHz.
const MAX_RECORDING: f64 = 1800.0;

/// The sources, by their value in the form.
const SOURCES: [(&str, Source); 5] = [
    ("tone", Source::Tone),
    ("voice", Source::Voice),
    ("file", Source::File),
    ("microphone", Source::Microphone),
    ("silence", Source::Silence),
];

/// The section *Sound*.
#[component]
pub(in crate::stage) fn SoundControls(audio: Audio, chosen: RwSignal<u32>) -> impl IntoView {
    let toggle = move |_| {
        if audio.is_on.get_untracked() {
            audio.turn_off();
        } else {
            audio.turn_on();
        }
    };
    view! {
        <section class="stage-section" aria-labelledby="sound-heading">
            <h2 id="sound-heading">{t("Sound")}</h2>
            <button type="button" class="button" aria-pressed=move || audio.is_on().to_string() on:click=toggle>
                {move || if audio.is_on() { t("Turn sound off") } else { t("Turn sound on") }}
            </button>
            <Show when=move || audio.is_on()>
                <Listening audio />
                <ChosenSound audio chosen />
                <RecordButton recorder=SoundRecorder(audio) label=t("Record sound") />
            </Show>
            <p class="form-failure" role="alert">{move || audio.failure.get()}</p>
        </section>
    }
}

/// Volume, place of the listener, level meters and latency.
#[component]
fn Listening(audio: Audio) -> impl IntoView {
    let levels = RwSignal::new([-100.0; 2]);
    let latency = RwSignal::new(0.0);
    browser::spawn_scoped(async move {
        loop {
            if let Some((now, milliseconds)) =
                audio.with_engine(|engine| (engine.levels(), engine.latency()))
            {
                levels.set(now);
                latency.set(milliseconds);
            }
            browser::sleep(READOUT_INTERVAL / 2).await;
        }
    });
    let set_volume = move |ev| {
        let volume = event_target_value(&ev).parse::<f64>().unwrap_or(80.0) / 100.0;
        audio.volume.set(volume);
        audio.with_engine(|engine| engine.set_volume(volume));
    };
    let ears = [
        ("origin", t("The centre of the stage")),
        ("own", t("Your character")),
    ];
    let from = Signal::derive(move || {
        if audio.from_own.get() {
            "own"
        } else {
            "origin"
        }
        .to_owned()
    });
    let meter = move |channel: usize, label: &'static str| {
        view! {
            <label class="meter">
                <span>{label}</span>
                <meter min="-60" max="0" low="-50" high="-6" optimum="-20" data-testid=format!("level-{channel}") prop:value=move || levels.get()[channel]></meter>
            </label>
        }
    };
    let delay = move || fixed(latency.get() + PLAYOUT_DELAY, 0);
    view! {
        <div class="field">
            <label for="volume">{t("Volume")}</label>
            <input id="volume" type="range" min="0" max="100" prop:value=move || (audio.volume.get() * 100.0).to_string() on:input=set_volume />
        </div>
        <Field id="ears" label=t("Listen from") control=Control::Choice(ears.to_vec()) value=from on_input=Callback::new(move |from: String| audio.from_own.set(from == "own")) />
        <div class="meters">{meter(0, t("Left"))}{meter(1, t("Right"))}</div>
        <p class="quiet" data-testid="latency">{move || fill("Sound delay: {0} ms", &[&delay()])}</p>
    }
}

/// The sound of the chosen character.
#[component]
fn ChosenSound(audio: Audio, chosen: RwSignal<u32>) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let names = [
        t("Tone"),
        t("Voice"),
        t("File…"),
        t("Your microphone"),
        t("Silence"),
    ];
    let choices: Vec<_> = SOURCES
        .iter()
        .zip(names)
        .map(|((value, _), name)| (*value, name))
        .collect();
    let value = Signal::derive(move || {
        let source = audio.read(|mixer| mixer.source(chosen.get()));
        let known = SOURCES.iter().find(|(_, each)| *each == source);
        known.map_or("", |(value, _)| value).to_owned()
    });
    let choose = move |wanted: String| {
        let source = SOURCES.iter().find(|(value, _)| *value == wanted);
        match source.map(|(_, source)| *source) {
            Some(Source::File) => {
                if let Some(input) = input.get_untracked() {
                    input.click();
                }
            }
            Some(source) => audio.choose_source(chosen.get_untracked(), source),
            None => (),
        }
    };
    let take_file = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            audio.play_file(chosen.get_untracked(), file);
        }
        // Without this, choosing the same file again is no change.
        input.set_value("");
    };
    let name = move || {
        let id = chosen.get();
        let name = audio.scene.with_value(|scene| scene.name(id));
        fill("Sound of {0}", &[&name])
    };
    let is_muted = move || audio.read(|mixer| mixer.is_muted(chosen.get()));
    let is_solo = move || audio.read(|mixer| mixer.is_solo(chosen.get()));
    view! {
        {move || view! { <Field id="source" label=name() control=Control::Choice(choices.clone()) value on_input=Callback::new(choose) /> }}
        <input node_ref=input class="visually-hidden" type="file" accept="audio/*" tabindex="-1" aria-label=t("File…") on:change=take_file />
        <div class="stage-buttons">
            <button type="button" class="button" aria-pressed=move || is_muted().to_string() on:click=move |_| {
                let is_muted = untrack(is_muted);
                audio.set(|mixer| mixer.mute(chosen.get_untracked(), !is_muted));
            }>{t("Mute")}</button>
            <button type="button" class="button" aria-pressed=move || is_solo().to_string() on:click=move |_| {
                let is_solo = untrack(is_solo);
                audio.set(|mixer| mixer.solo(chosen.get_untracked(), !is_solo));
            }>{t("Solo")}</button>
        </div>
        <p class="quiet">{t("Drop a sound file on a character to hear the file from there. You hear only the nearest 32 characters.")}</p>
    }
}

/// Records what the listener hears.
#[derive(Clone, Copy)]
struct SoundRecorder(Audio);

impl Recorder for SoundRecorder {
    async fn start(self) -> bool {
        let Some(context) = self.0.with_engine(|engine| engine.context()) else {
            return false;
        };
        let is_loaded = engine::load_recorder(&context).await.is_ok();
        let is_started = is_loaded
            && self
                .0
                .with_engine(Engine::record)
                .is_some_and(|r| r.is_ok());
        if !is_started {
            let text = t("The browser cannot record. Reload the page and try again.");
            self.0.fail(text.into());
        }
        is_started
    }

    fn length(self) -> Option<Length> {
        let seconds = self.0.with_engine(|engine| engine.recorded()).flatten()?;
        Some(Length {
            text: fill("{0} s", &[&fixed(seconds, 0)]),
            is_full: seconds > MAX_RECORDING,
        })
    }

    fn save(self) {
        if let Some(wav) = self.0.with_engine(Engine::stop_recording).flatten() {
            let bytes = js_sys::Uint8Array::from(wav.as_slice());
            browser::save_file("stage.wav", "audio/wav", &js_sys::Array::of1(&bytes));
        }
    }
}
