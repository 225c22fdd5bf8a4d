//! `soundstage position simulate`: characters that move by themselves.

use std::f64::consts::TAU;
use std::time::Duration;

use clap::Args;
use soundstage_proto::position::{Join, Pos, Sample};
use tokio::time::Instant;

use super::Stage;
use super::sync::SyncCall;
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::plural::counted;

#[derive(Args)]
pub(crate) struct SimulateArgs {
    /// Number of characters, 1 to 1000
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// Moves per second of each character, 1 to 120
    #[arg(long, value_name = "HZ", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    rate: u32,
    /// Radius of the area that the characters move in, 0.5 to 1000 metres
    #[arg(long, value_name = "METRES", default_value_t = 6.0, value_parser = radius)]
    radius: f64,
    /// Stop after this time, for example 30s [default: at Ctrl-C]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
}

fn radius(text: &str) -> Result<f64, String> {
    let radius: f64 = text
        .parse()
        .map_err(|_| "enter a number of metres".to_owned())?;
    if (0.5..=1000.0).contains(&radius) {
        Ok(radius)
    } else {
        Err("enter a number from 0.5 to 1000".into())
    }
}

pub(super) async fn run(
    mut stage: Stage,
    args: &ClientArgs,
    simulate: SimulateArgs,
) -> Result<(), Failure> {
    let mut call = SyncCall::open(&mut stage, args).await?;
    let joins = (1..=simulate.count).map(|number| Join {
        name: format!("Walker {number}"),
        ..Join::default()
    });
    let ids = call.join(joins.collect()).await?;
    eprintln!(
        "added {} to the stage; press Ctrl-C to end the simulation",
        counted(simulate.count.into(), "character")
    );
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    tokio::select! {
        moved = move_all(&mut call, &ids, &simulate) => moved?,
        _ = &mut interrupted => (),
    }
    call.finish().await
}

async fn move_all(
    call: &mut SyncCall,
    ids: &[u32],
    simulate: &SimulateArgs,
) -> Result<(), Failure> {
    let start = Instant::now();
    let interval = Duration::from_secs(1) / simulate.rate;
    let mut sequence = 0;
    loop {
        let elapsed = start.elapsed();
        if simulate.duration.is_some_and(|end| elapsed >= end) {
            return Ok(());
        }
        sequence += 1;
        let samples = ids.iter().enumerate().map(|(index, id)| Sample {
            character: *id,
            epoch: 0,
            sequence,
            // Plus 1, because the server replaces 0 by its own clock.
            time_ms: elapsed.as_millis() as i64 + 1,
            position: Some(position(index, elapsed.as_secs_f64(), simulate.radius)),
        });
        call.send_samples(&samples.collect::<Vec<_>>()).await?;
        let next = start + interval * sequence;
        call.wait_until(next).await?;
    }
}

/// Returns the position of a character after `seconds`. Each character circles the listener while its distance and
/// height oscillate. Multiples of irrational numbers spread the radii, speeds and phases evenly over the characters.
fn position(index: usize, seconds: f64, radius: f64) -> Pos {
    let spread = |step: f64| (index as f64 * step).fract();
    let (distance, pace) = (0.15 + 0.85 * spread(0.618_034).sqrt(), spread(0.414_214));
    let turns = if index.is_multiple_of(2) { 1.0 } else { -1.0 } * (0.02 + 0.08 * pace);
    let angle = TAU * (turns * seconds + spread(0.754_878));
    let sway = 1.0 + 0.15 * (TAU * (0.11 * seconds + pace)).sin();
    let height = 0.25 * radius.min(4.0) * (TAU * (0.07 * seconds + spread(0.324_718))).sin();
    Pos {
        x: (radius * distance * sway * angle.cos()) as f32,
        y: (radius * distance * sway * angle.sin()) as f32,
        z: height as f32,
    }
}
