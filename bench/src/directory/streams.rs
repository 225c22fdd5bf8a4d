//! Long streams, read at full speed and not at all.

use std::time::{Duration, Instant};

use soundstage_proto::UserType;
use soundstage_proto::user::{ExportUsersRequest, UserTypeRequest};
use tokio::runtime::Runtime;
use tonic::Streaming;

use super::{LARGE, Users, connect, new_user};
use crate::Result;
use crate::compare::{Compared, Median, median};
use crate::process::Server;

/// Adds of which the median counts.
const ADDS: usize = 50;

pub(super) fn measure(runtime: &Runtime, servers: &Compared<Server>) -> Result {
    println!("long streams of {LARGE} users (wanted: the first within 50 ms, 32 MB at most)");
    let by_type = servers.measure(|server| runtime.block_on(read_by_type(server)))?;
    by_type.print("GetUsersByType", row, &[("rate", |reading| reading.rate)]);
    let export = servers.measure(|server| runtime.block_on(read_export(server)))?;
    export.print("ExportUsers", row, &[("rate", |reading| reading.rate)]);
    let adds = servers.measure(|server| runtime.block_on(add_beside_stalled_reader(server)))?;
    let row = |name: &str, adds: &Adds| {
        println!(
            "  {name:<30} {:>8.2} ms, {:.2} ms without (median of {ADDS})",
            adds.beside, adds.alone
        );
    };
    adds.print(
        "AddUser beside a stalled reader",
        row,
        &[("beside", |adds| adds.beside), ("alone", |adds| adds.alone)],
    );
    println!();
    Ok(())
}

/// The figures of a stream that was read to its end.
struct Reading {
    count: f64,
    /// Users per second.
    rate: f64,
    /// The time to the first user, in milliseconds.
    first: f64,
    /// The growth of the server's memory, in bytes.
    growth: f64,
}

impl Median for Reading {
    fn median(results: &[Self]) -> Self {
        Self {
            count: median(results, |reading| reading.count),
            rate: median(results, |reading| reading.rate),
            first: median(results, |reading| reading.first),
            growth: median(results, |reading| reading.growth),
        }
    }
}

fn row(name: &str, reading: &Reading) {
    println!(
        "  {name:<30} {:>8.0} users {:>10.0} /s, the first after {:.1} ms, memory grown by {:.1} MB",
        reading.count,
        reading.rate,
        reading.first,
        reading.growth / 1e6
    );
}

async fn read_by_type(server: &Server) -> Result<Reading> {
    let mut users = connect(server).await?;
    let request = UserTypeRequest {
        user_type: UserType::Normal.into(),
    };
    let before = (server.memory()?, Instant::now());
    let responses = users.get_users_by_type(request).await?.into_inner();
    read_all(server, before, responses).await
}

async fn read_export(server: &Server) -> Result<Reading> {
    let mut users = connect(server).await?;
    let before = (server.memory()?, Instant::now());
    let responses = users.export_users(ExportUsersRequest::default()).await?;
    read_all(server, before, responses.into_inner()).await
}

/// Reads a stream to its end. `before` is the server's memory and the time before the call.
async fn read_all<T>(
    server: &Server,
    (memory, start): (u64, Instant),
    mut responses: Streaming<T>,
) -> Result<Reading> {
    let mut count = 0_u32;
    let mut first = Duration::ZERO;
    while responses.message().await?.is_some() {
        if count == 0 {
            first = start.elapsed();
        }
        count += 1;
    }
    Ok(Reading {
        count: f64::from(count),
        rate: f64::from(count) / start.elapsed().as_secs_f64(),
        first: first.as_secs_f64() * 1e3,
        growth: server.memory()?.saturating_sub(memory) as f64,
    })
}

/// The median time of an add, in milliseconds.
struct Adds {
    /// While another client has opened a stream and does not read it.
    beside: f64,
    alone: f64,
}

impl Median for Adds {
    fn median(results: &[Self]) -> Self {
        Self {
            beside: median(results, |adds| adds.beside),
            alone: median(results, |adds| adds.alone),
        }
    }
}

async fn add_beside_stalled_reader(server: &Server) -> Result<Adds> {
    let mut users = connect(server).await?;
    let alone = add_one_by_one(&mut users).await?;
    let mut reader = connect(server).await?;
    let mut responses = reader
        .export_users(ExportUsersRequest::default())
        .await?
        .into_inner();
    responses.message().await?;
    let beside = add_one_by_one(&mut users).await?;
    drop(responses);
    Ok(Adds { beside, alone })
}

/// Returns the median time of an add, in milliseconds.
async fn add_one_by_one(users: &mut Users) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..ADDS {
        let start = Instant::now();
        users.add_user(new_user()).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(f64::median(&times))
}
