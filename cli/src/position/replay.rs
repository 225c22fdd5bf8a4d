//! `soundstage position replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use soundstage_proto::position::Pos;
use tokio::time::Instant;

use super::recording::{self, Moment};
use super::{Stage, publish};
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
    let moments = recording::read(&replay.file)?;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            played = play(&mut stage, args, &moments, replay.speed) => played?,
            _ = &mut interrupted => return Err(Failure::Interrupted("the character walks on by itself".into())),
        }
        if !replay.repeat {
            return Ok(());
        }
    }
}

/// Publishes each moment at its time. What the server has been too slow for is passed over: where the character is now
/// is what counts.
async fn play(
    stage: &mut Stage,
    args: &ClientArgs,
    moments: &[Moment],
    speed: f64,
) -> Result<(), Failure> {
    let first = moments.first().map_or(0, |moment| moment.time_ms);
    let start = Instant::now();
    let due =
        |moment: &Moment| start + Duration::from_millis(moment.time_ms - first).div_f64(speed);
    for (index, moment) in moments.iter().enumerate() {
        let is_over = moments
            .get(index + 1)
            .is_some_and(|next| due(next) <= Instant::now());
        if is_over {
            continue;
        }
        tokio::time::sleep_until(due(moment)).await;
        let Moment { x, y, z, .. } = *moment;
        publish(stage, args, Pos { x, y, z }).await?;
    }
    Ok(())
}
