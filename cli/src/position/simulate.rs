//! `soundstage position simulate`: characters that move by themselves.

use std::f64::consts::TAU;
use std::time::Duration;

use clap::Args;
use soundstage_proto::position::{Join, Pos, Sample};
use tokio::time::Instant;

use super::Stage;
use super::sync::Sync;
use crate::client::ClientArgs;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct SimulateArgs {
    /// How many characters
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5000))]
    count: u32,
    /// How many times a second each moves
    #[arg(long, value_name = "HZ", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    rate: u32,
    /// How far from the listener they go, in metres
    #[arg(long, value_name = "METRES", default_value_t = 6.0, value_parser = radius)]
    radius: f64,
    /// Stop after this long, for example 30s [default: at Ctrl-C]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
}

fn radius(text: &str) -> Result<f64, String> {
    let radius: f64 = text.parse().map_err(|_| "a number of metres".to_owned())?;
    if (0.5..=1000.0).contains(&radius) {
        Ok(radius)
    } else {
        Err("from 0.5 to 1000".into())
    }
}

pub(super) async fn run(
    mut stage: Stage,
    args: &ClientArgs,
    simulate: SimulateArgs,
) -> Result<(), Failure> {
    let mut sync = Sync::open(&mut stage, args).await?;
    let joins = (1..=simulate.count).map(|number| Join {
        name: format!("Walker {number}"),
        ..Join::default()
    });
    let ids = sync.join(joins.collect()).await?;
    eprintln!(
        "{} characters are on the stage, until Ctrl-C",
        simulate.count
    );
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    tokio::select! {
        moved = move_all(&mut sync, &ids, &simulate) => moved?,
        _ = &mut interrupted => (),
    }
    sync.finish().await
}

async fn move_all(sync: &mut Sync, ids: &[u32], simulate: &SimulateArgs) -> Result<(), Failure> {
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
            // 0 would be the server's clock.
            time_ms: elapsed.as_millis() as i64 + 1,
            position: Some(place(index, elapsed.as_secs_f64(), simulate.radius)),
        });
        sync.put(&samples.collect::<Vec<_>>()).await?;
        // What could not be sent in time is not caught up with.
        let next = start + interval * sequence;
        sync.wait_until(next).await?;
    }
}

/// Where the character with this index is: on a ring of its own, which sways and rises and falls. Neighbours have
/// other radii, paces and directions (the golden ratio spreads them evenly).
fn place(index: usize, seconds: f64, radius: f64) -> Pos {
    let spread = |step: f64| (index as f64 * step).fract();
    let (near, pace) = (0.15 + 0.85 * spread(0.618_034).sqrt(), spread(0.414_214));
    let turns = if index.is_multiple_of(2) { 1.0 } else { -1.0 } * (0.02 + 0.08 * pace);
    let angle = TAU * (turns * seconds + spread(0.754_878));
    let sway = 1.0 + 0.15 * (TAU * (0.11 * seconds + pace)).sin();
    let height = 0.25 * radius.min(4.0) * (TAU * (0.07 * seconds + spread(0.324_718))).sin();
    Pos {
        x: (radius * near * sway * angle.cos()) as f32,
        y: (radius * near * sway * angle.sin()) as f32,
        z: height as f32,
    }
}
