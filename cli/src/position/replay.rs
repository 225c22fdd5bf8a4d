//! `soundstage position replay`: moves characters along a recording.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use soundstage_formats::{Player, Recording};
use tokio::time::Instant;

use super::sync::SyncCall;
use super::{Stage, recording};
use crate::client::ClientArgs;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// The recording, or - for standard input
    file: PathBuf,
    /// Speed as a multiple of the recorded speed, 0.01 to 100
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Repeat until Ctrl-C
    #[arg(long)]
    repeat: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text
        .parse()
        .map_err(|_| "enter a number such as 0.5 or 2".to_owned())?;
    if (0.01..=100.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("enter a number from 0.01 to 100".into())
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
        let mut call = SyncCall::open(&mut stage, args).await?;
        tokio::select! {
            played = play(&mut call, &recording, replay.speed) => played?,
            _ = &mut interrupted => {
                call.finish().await?;
                return Err(Failure::Interrupted("the characters have left the stage".into()));
            }
        }
        call.finish().await?;
        if !replay.repeat {
            return Ok(());
        }
    }
}

/// Sends each moment when it is due.
async fn play(call: &mut SyncCall, recording: &Recording, speed: f64) -> Result<(), Failure> {
    let ids = recording.ids(&call.join(recording.joins()).await?);
    let start = Instant::now();
    let mut player = Player::new(recording, speed);
    while let Some(next) = player.next_at() {
        call.wait_until(start + Duration::from_secs_f64(next / 1e3))
            .await?;
        let (samples, leaves) = player.messages(start.elapsed().as_secs_f64() * 1e3, &ids);
        for character in leaves {
            call.leave(character).await?;
        }
        call.send_samples(&samples).await?;
    }
    Ok(())
}
