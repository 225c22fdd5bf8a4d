//! The page's section of the sound.

use leptos::html;
use leptos::prelude::*;

use super::super::{READOUT_INTERVAL, playout};
use super::Audio;
use super::engine::{self, Engine};
use super::mixer::Source;
use crate::browser;
use crate::language::{fill, t};
use crate::ui::{Control, Field, fixed};

/// A longer recording than this, in seconds, is better made elsewhere.
const LONGEST_RECORDING: f64 = 1800.0;

/// The sources that can be chosen, as the form names them.
const SOURCES: [(&str, Source); 5] = [
    ("tone", Source::Tone),
    ("voice", Source::Voice),
    ("file", Source::File),
    ("microphone", Source::Microphone),
    ("silence", Source::Silence),
];

/// The section of the page.
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
                {move || if audio.is_on() { t("Turn the sound off") } else { t("Turn the sound on") }}
            </button>
            <Show when=move || audio.is_on()>
                <Listening audio />
                <ChosenSound audio chosen />
                <SoundRecorder audio />
            </Show>
            <p class="form-failure" role="alert">{move || audio.failure.get()}</p>
        </section>
    }
}

/// How loud, from where, and what comes of it.
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
        ("origin", t("The middle of the stage")),
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
    let delay = move || fixed(latency.get() + playout::DELAY, 0);
    view! {
        <div class="field">
            <label for="volume">{t("Volume")}</label>
            <input id="volume" type="range" min="0" max="100" prop:value=move || (audio.volume.get() * 100.0).to_string() on:input=set_volume />
        </div>
        <Field id="ears" label=t("Hear from") control=Control::Choice(ears.to_vec()) value=from on_input=Callback::new(move |from: String| audio.from_own.set(from == "own")) />
        <div class="meters">{meter(0, t("Left"))}{meter(1, t("Right"))}</div>
        <p class="quiet" data-testid="latency">{move || fill("Heard {0} ms after it was sent", &[&delay()])}</p>
    }
}

/// What the chosen one sounds like.
#[component]
fn ChosenSound(audio: Audio, chosen: RwSignal<u32>) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let names = [
        t("A tone"),
        t("A voice"),
        t("A file…"),
        t("Your microphone"),
        t("Nothing"),
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
        // The same file again is to be a change too.
        input.set_value("");
    };
    let name = move || {
        let id = chosen.get();
        let named = audio.scene.with_value(|scene| scene.name(id));
        fill("{0} sounds like", &[&named])
    };
    let is_muted = move || audio.read(|mixer| mixer.is_muted(chosen.get()));
    let is_solo = move || audio.read(|mixer| mixer.is_solo(chosen.get()));
    view! {
        {move || view! { <Field id="source" label=name() control=Control::Choice(choices.clone()) value on_input=Callback::new(choose) /> }}
        <input node_ref=input class="visually-hidden" type="file" accept="audio/*" tabindex="-1" aria-label=t("A file…") on:change=take_file />
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
        <p class="quiet">{t("Drop a sound file on a character on the stage to hear it from there. The nearest 32 sound.")}</p>
    }
}

/// Records what is heard.
#[component]
fn SoundRecorder(audio: Audio) -> impl IntoView {
    let recorded = RwSignal::new(None::<f64>);
    let stop = move || {
        let _ = recorded.try_set(None);
        if let Some(wav) = audio.with_engine(Engine::stop_recording).flatten() {
            let bytes = js_sys::Uint8Array::from(wav.as_slice());
            browser::save_file("stage.wav", "audio/wav", &js_sys::Array::of1(&bytes));
        }
    };
    // Also with the sound turned off, and with the page: nothing is lost.
    on_cleanup(stop);
    let start = move || {
        let Some(context) = audio.with_engine(|engine| engine.context()) else {
            return;
        };
        browser::spawn_abortable(async move {
            let is_loaded = engine::load_recorder(&context).await.is_ok();
            let is_started =
                is_loaded && audio.with_engine(Engine::record).is_some_and(|r| r.is_ok());
            if is_started {
                let _ = recorded.try_set(Some(0.0));
            } else {
                audio.fail(t("The browser cannot record now.").into());
            }
        });
    };
    browser::spawn_scoped(async move {
        loop {
            if recorded.get_untracked().is_some() {
                let seconds = audio.with_engine(|engine| engine.recorded()).flatten();
                recorded.set(seconds);
                if seconds.is_some_and(|seconds| seconds > LONGEST_RECORDING) {
                    stop();
                }
            }
            browser::sleep(READOUT_INTERVAL).await;
        }
    });
    let toggle = move |_| {
        if recorded.get_untracked().is_some() {
            stop();
        } else {
            start();
        }
    };
    view! {
        <div class="stage-buttons">
            <button type="button" class="button" aria-pressed=move || recorded.get().is_some().to_string() on:click=toggle>
                {move || if recorded.get().is_some() { t("Stop and save") } else { t("Record the sound") }}
            </button>
            <span class="quiet" role="status">{move || recorded.get().map(|seconds| fill("{0} s", &[&fixed(seconds, 0)]))}</span>
        </div>
    }
}
