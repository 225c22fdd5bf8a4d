//! `soundstage position replay`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use soundstage_files::{Part, Recording};
use soundstage_proto::position::{Join, Pos, Sample};
use tokio::time::Instant;

use super::sync::Sync;
use super::{DEFAULT, Stage, recording};
use crate::client::ClientArgs;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The recording, or - for standard input
    file: PathBuf,
    /// How many times as fast as it was recorded
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Begin again at its end, until Ctrl-C
    #[arg(long)]
    repeat: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text
        .parse()
        .map_err(|_| "a number such as 0.5 or 2".to_owned())?;
    if (0.01..=100.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("from 0.01 to 100".into())
    }
}

pub(super) async fn run(
    mut stage: Stage,
    args: &ClientArgs,
    replay: ReplayArgs,
) -> Result<(), Failure> {
    let recording = recording::read(&replay.file)?;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let mut sync = Sync::open(&mut stage, args).await?;
        tokio::select! {
            played = play(&mut sync, &recording, replay.speed) => played?,
            _ = &mut interrupted => {
                sync.finish().await?;
                return Err(Failure::Interrupted("its characters have left".into()));
            }
        }
        sync.finish().await?;
        if !replay.repeat {
            return Ok(());
        }
    }
}

/// Sends each moment at its time. What there has been no time for is passed over: where a character is now is what counts.
async fn play(sync: &mut Sync, recording: &Recording, speed: f64) -> Result<(), Failure> {
    let ids = cast(sync, recording).await?;
    let first = recording.moments.first().map_or(0, |moment| moment.time_ms);
    let start = Instant::now();
    let mut moments = recording.moments.iter().peekable();
    while let Some(next) = moments.peek() {
        let after = Duration::from_millis(next.time_ms - first).div_f64(speed);
        sync.wait_until(start + after).await?;
        let now = first + (start.elapsed().as_secs_f64() * speed * 1e3) as u64;
        let mut newest = BTreeMap::new();
        while let Some(moment) = moments.next_if(|moment| moment.time_ms <= now) {
            newest.insert(moment.part, moment);
        }
        let mut samples = Vec::with_capacity(newest.len());
        for (part, moment) in newest {
            let character = ids[part];
            match moment.place {
                Some([x, y, z]) => samples.push(Sample {
                    character,
                    // Its own pace is what a replay at twice the speed has twice of. 0 would be the server's clock.
                    time_ms: (moment.time_ms as f64 / speed) as i64 + 1,
                    position: Some(Pos { x, y, z }),
                    ..Sample::default()
                }),
                None if character != DEFAULT => sync.leave(character).await?,
                None => (),
            }
        }
        sync.put(&samples).await?;
    }
    Ok(())
}

/// Puts everybody in the recording on the stage, but the default character, who is there. They are seen once they move.
async fn cast(sync: &mut Sync, recording: &Recording) -> Result<Vec<u32>, Failure> {
    let is_default = |part: &Part| part.character.is_none_or(|id| id == DEFAULT);
    let newcomers = recording.parts.iter().filter(|part| !is_default(part));
    let joins = newcomers.map(|part| Join {
        name: match part.name.as_str() {
            "" => format!("Character {}", part.character.unwrap_or_default()),
            name => name.to_owned(),
        },
        ..Join::default()
    });
    let mut ids = sync.join(joins.collect()).await?.into_iter();
    let parts = recording.parts.iter();
    Ok(parts
        .map(|part| {
            if is_default(part) {
                DEFAULT
            } else {
                ids.next().unwrap_or(DEFAULT)
            }
        })
        .collect())
}
