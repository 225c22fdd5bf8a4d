//! Recording what happens on the stage, and playing recordings.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Either, select};
use leptos::html;
use leptos::prelude::*;
use soundstage_files::{Part, Player, Recording, recording_line};
use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{
    Join, Pos, PositionSubRequest, PositionSyncRequest, Sample, StageUpdate,
};
use wasm_bindgen_futures::JsFuture;

use super::READOUT_INTERVAL;
use crate::language::{fill, t};
use crate::ui::{Control, Field};
use crate::{api, browser};

/// A longer recording than this, in lines, is better made on the command line.
const MOST_LINES: u32 = 500_000;

/// The recording that is being made.
#[derive(Default)]
pub(super) struct Tape {
    /// While it runs: when it began, in milliseconds.
    start: Option<f64>,
    parts: BTreeMap<u32, Part>,
    /// Lines, many in one text.
    texts: Vec<String>,
    lines: u32,
}

impl Tape {
    /// Notes what has arrived. Who is on the stage is known from before the recording began.
    pub(super) fn note(&mut self, now: f64, update: &StageUpdate) {
        for character in &update.characters {
            let part = Part {
                character: Some(character.id),
                name: character.name.clone(),
            };
            self.parts.insert(character.id, part);
        }
        let Some(start) = self.start.filter(|_| self.lines < MOST_LINES) else {
            return;
        };
        let time_ms = (now - start).max(0.0) as u64;
        let mut text = String::new();
        let mut add = |part: Option<&Part>, place| {
            if let Some(part) = part {
                text += &recording_line(part, time_ms, place);
                text.push('\n');
                self.lines += 1;
            }
        };
        for sample in &update.samples {
            let place = sample.position.map(|Pos { x, y, z }| [x, y, z]);
            add(self.parts.get(&sample.character), place);
        }
        for id in &update.left {
            add(self.parts.remove(id).as_ref(), None);
        }
        self.texts.push(text);
    }

    fn begin(&mut self, now: f64) {
        self.start = Some(now);
        self.lines = 0;
        self.texts.clear();
    }

    /// Ends the recording; its text.
    fn end(&mut self) -> Vec<String> {
        self.start = None;
        std::mem::take(&mut self.texts)
    }
}

/// Recording and playing.
#[component]
pub(super) fn TapeDeck(tape: StoredValue<Tape, LocalStorage>) -> impl IntoView {
    view! {
        <section class="stage-section" aria-labelledby="tape-heading">
            <h2 id="tape-heading">{t("Recordings")}</h2>
            <Recorder tape />
            <PlayerControls />
        </section>
    }
}

#[component]
fn Recorder(tape: StoredValue<Tape, LocalStorage>) -> impl IntoView {
    let recorded = RwSignal::new(None::<u32>);
    let toggle = move |_| {
        if recorded.get_untracked().is_none() {
            tape.update_value(|tape| tape.begin(browser::now()));
            recorded.set(Some(0));
            return;
        }
        recorded.set(None);
        let texts = tape.try_update_value(Tape::end).unwrap_or_default();
        let texts = texts.into_iter().map(wasm_bindgen::JsValue::from);
        browser::save_file(
            "stage.ndjson",
            "application/x-ndjson",
            &texts.collect::<js_sys::Array>(),
        );
    };
    browser::spawn_scoped(async move {
        loop {
            if recorded.get_untracked().is_some() {
                recorded.set(Some(tape.with_value(|tape| tape.lines)));
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
            let outcome = play_file(&file, speed, playing).await;
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

/// Plays a file to its end; what went wrong, as a sentence.
async fn play_file(
    file: &web_sys::File,
    speed: f64,
    playing: RwSignal<Playing>,
) -> Result<(), String> {
    let text = JsFuture::from(file.text()).await.ok();
    let text = text.and_then(|text| text.as_string());
    let text = text.ok_or_else(|| t("The file cannot be read.").to_owned())?;
    let mut recording = Recording::default();
    for (index, line) in text.lines().enumerate() {
        let read = recording.read_line(line);
        read.map_err(|error| {
            let number = (index + 1).to_string();
            fill("line {0}: {1}", &[&number, &error.to_string()])
        })?;
    }
    if recording.moments.is_empty() {
        return Err(t("Nothing is recorded there.").into());
    }
    let name = file.name();
    let tell = |seconds| {
        let name = name.clone();
        let _ = playing.try_set(Playing::Now { name, seconds });
    };
    play(&recording, speed, &tell).await
}

/// Plays a recording over a call of its own, whose characters leave at its end.
async fn play(recording: &Recording, speed: f64, tell: &dyn Fn(f64)) -> Result<(), String> {
    let (requests, receiver) = mpsc::unbounded();
    let send = |request| {
        // A call that has ended says so itself.
        let _ = requests.unbounded_send(request);
    };
    let (parts, names): (Vec<_>, Vec<_>) = recording.newcomers().unzip();
    let joins = names.into_iter().map(|name| Join {
        name,
        ..Join::default()
    });
    send(PositionSyncRequest {
        joins: joins.collect(),
        receive: Some(PositionSubRequest::default()),
        ..PositionSyncRequest::default()
    });
    let sentence = |error: api::CallError| error.sentence();
    let mut updates = pin!(api::sync(receiver).await.map_err(sentence)?);
    let mut ids = vec![DEFAULT_CHARACTER; recording.parts.len()];
    if !parts.is_empty() {
        let own = loop {
            let update = updates.next().await;
            let update = update.ok_or_else(|| t("The server broke off its answer.").to_owned())?;
            let StageUpdate { own, .. } = update.map_err(sentence)?;
            if !own.is_empty() {
                break own;
            }
        };
        for (part, character) in parts.into_iter().zip(own) {
            ids[part] = character.id;
        }
    }
    let start = browser::now();
    let mut player = Player::new(recording, speed);
    while let Some(next) = player.next_at() {
        let wait = (next - (browser::now() - start)).max(0.0);
        let pause = pin!(browser::sleep(Duration::from_millis(wait as u64)));
        if let Either::Left((update, _)) = select(updates.next(), pause).await {
            // Each of the server's heartbeats is answered with one.
            update
                .ok_or_else(|| t("The server broke off its answer.").to_owned())?
                .map_err(sentence)?;
            send(PositionSyncRequest {
                heartbeat: true,
                ..PositionSyncRequest::default()
            });
            continue;
        }
        let elapsed = browser::now() - start;
        tell(elapsed / 1000.0);
        let mut request = PositionSyncRequest::default();
        for (time, moment) in player.due(elapsed) {
            let character = ids[moment.part];
            match moment.place {
                Some([x, y, z]) => request.samples.push(Sample {
                    character,
                    time_ms: time as i64 + 1,
                    position: Some(Pos { x, y, z }),
                    ..Sample::default()
                }),
                None if character != DEFAULT_CHARACTER => request.leaves.push(character),
                None => (),
            }
        }
        send(request);
    }
    drop(requests);
    while let Some(update) = updates.next().await {
        update.map_err(sentence)?;
    }
    Ok(())
}
