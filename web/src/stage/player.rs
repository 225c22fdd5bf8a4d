//! Plays a recording on the stage.

use std::pin::pin;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use soundstage_formats::{Player, Recording};
use soundstage_proto::position::{PositionSubRequest, PositionSyncRequest, StageUpdate};
use wasm_bindgen_futures::JsFuture;

use crate::language::{fill, t};
use crate::{api, browser};

/// Joins or samples in one request: well below the server's limit for a message.
const BATCH: usize = 500;

/// Plays a file to its end, and passes the elapsed seconds to `notify`. Returns an error as a sentence.
pub(super) async fn play_file(
    file: &web_sys::File,
    speed: f64,
    notify: &dyn Fn(f64),
) -> Result<(), String> {
    let text = JsFuture::from(file.text()).await.ok();
    let text = text.and_then(|text| text.as_string());
    let text = text.ok_or_else(|| t("Cannot read the file.").to_owned())?;
    let mut recording = Recording::default();
    for (index, line) in text.lines().enumerate() {
        let read = recording.read_line(line);
        read.map_err(|error| {
            let number = (index + 1).to_string();
            fill("Cannot read line {0}: {1}", &[&number, &error.to_string()])
        })?;
    }
    if recording.moments.is_empty() {
        return Err(t("The file contains no recording.").into());
    }
    play(&recording, speed, notify).await
}

/// Plays a recording over a separate call. Its characters leave at the end.
async fn play(recording: &Recording, speed: f64, notify: &dyn Fn(f64)) -> Result<(), String> {
    let (requests, receiver) = mpsc::unbounded();
    let send = |request| {
        // The updates report a call that has ended.
        let _ = requests.unbounded_send(request);
    };
    send(PositionSyncRequest {
        receive: Some(PositionSubRequest::default()),
        ..PositionSyncRequest::default()
    });
    let joins = recording.joins();
    for batch in joins.chunks(BATCH) {
        send(PositionSyncRequest {
            joins: batch.to_vec(),
            ..PositionSyncRequest::default()
        });
    }
    let sentence = |error: api::CallError| error.sentence();
    let mut updates = api::sync_positions(receiver).await.map_err(sentence)?;
    let mut own = Vec::new();
    while own.len() < joins.len() {
        let update = updates.next().await;
        let update = update.ok_or_else(|| t("The server ended the call.").to_owned())?;
        let StageUpdate { own: joined, .. } = update.map_err(sentence)?;
        own.extend(joined.iter().map(|character| character.id));
    }
    let ids = recording.ids(&own);
    let start = browser::now();
    let mut player = Player::new(recording, speed);
    while let Some(next) = player.next_at() {
        let wait = (next - (browser::now() - start)).max(0.0);
        let pause = pin!(browser::sleep(Duration::from_millis(wait as u64)));
        if let Either::Left((update, _)) = select(updates.next(), pause).await {
            // A heartbeat for each of the server's keeps the characters on the stage.
            update
                .ok_or_else(|| t("The server ended the call.").to_owned())?
                .map_err(sentence)?;
            send(PositionSyncRequest {
                heartbeat: true,
                ..PositionSyncRequest::default()
            });
            continue;
        }
        let elapsed = browser::now() - start;
        notify(elapsed / 1000.0);
        let (samples, leaves) = player.messages(elapsed, &ids);
        for batch in samples.chunks(BATCH) {
            send(PositionSyncRequest {
                samples: batch.to_vec(),
                ..PositionSyncRequest::default()
            });
        }
        send(PositionSyncRequest {
            leaves,
            ..PositionSyncRequest::default()
        });
    }
    drop(requests);
    while let Some(update) = updates.next().await {
        update.map_err(sentence)?;
    }
    Ok(())
}
