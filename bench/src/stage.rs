//! `stage`: many subscribers to many characters, beside a server that encodes for each of them and one in Python.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_channel::BytesCodec;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{
    Join, Pos, PositionSubRequest, PositionSyncRequest, Sample, StageUpdate,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};

use crate::Result;
use crate::peers;
use crate::process::Server;

/// The load that counts.
const SUBSCRIBERS: usize = 1000;
const CHARACTERS: u32 = 100;
const RATE: u32 = 30;
/// How long it is measured, and how long the load runs before.
const MEASURED: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(3);
/// Subscribers that do not read, in the run that asks whether others suffer.
const STALLED: usize = 20;
/// One message in so many is looked at for its time; all are counted.
const LOOKED_AT: usize = 29;

/// What came of one run.
struct Outcome {
    /// Messages that arrived.
    delivered: usize,
    /// The server's CPU time for each, in microseconds.
    micros: f64,
    /// The server's memory for each subscriber, in bytes.
    memory: f64,
    /// From publishing to arrival, in milliseconds, in order.
    delays: Vec<f64>,
}

/// Measures all, and prints it. `script` has Chromium show the stage.
pub(crate) fn run(binary: &Path, python: &Path, script: &Path, folder: &Path) -> Result {
    let nobody = folder.join("nobody.json");
    std::fs::write(&nobody, "{}")?;
    println!(
        "{SUBSCRIBERS} subscribers to {CHARACTERS} characters at {RATE} Hz, {} s\n",
        MEASURED.as_secs()
    );
    let ours = measure(&peers::soundstage(binary, folder, &nobody)?, SUBSCRIBERS, 0)?;
    let stalled = measure(
        &peers::soundstage(binary, folder, &nobody)?,
        SUBSCRIBERS,
        STALLED,
    )?;
    let each = measure(&peers::encodes_for_each()?, SUBSCRIBERS, 0)?;
    let few = SUBSCRIBERS / 10;
    let python = measure(&peers::stage_in_python(python)?, few, 0)?;
    row("soundstage", &ours);
    row(
        &format!("soundstage, {STALLED} more that do not read"),
        &stalled,
    );
    row("bare tonic, encodes for each", &each);
    row(&format!("grpcio in Python, {few} subscribers"), &python);
    println!();
    ratio(
        "CPU a message, bare tonic / soundstage",
        each.micros / ours.micros,
    );
    ratio(
        "CPU a message, Python / soundstage",
        python.micros / ours.micros,
    );
    ratio(
        "99th percentile, with stalled ones / without",
        percentile(&stalled.delays, 99) / percentile(&ours.delays, 99),
    );
    println!();
    in_the_browser(binary, script, folder, &nobody)
}

fn row(name: &str, outcome: &Outcome) {
    let expected = outcome.delivered as f64 / MEASURED.as_secs_f64();
    println!(
        "  {name:<40} {:>7.2} us CPU a message  {:>6.1} kB a subscriber  median {:>5.1} ms  99th {:>6.1} ms  {expected:>7.0} /s",
        outcome.micros,
        outcome.memory / 1e3,
        percentile(&outcome.delays, 50),
        percentile(&outcome.delays, 99),
    );
}

fn ratio(name: &str, value: f64) {
    println!("  {name:<46} {value:>6.2}");
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// When each sequence number was published.
type Published = Arc<Mutex<Vec<Instant>>>;

/// What subscribers have seen.
#[derive(Default)]
struct Seen {
    count: usize,
    delays: Vec<f64>,
}

fn measure(server: &Server, subscribers: usize, stalled: usize) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let published = Published::default();
    // On a thread of its own, so that it is not late when those who read are busy.
    let moving = {
        let (url, published) = (url.clone(), Arc::clone(&published));
        std::thread::spawn(move || publish(&url, &published))
    };
    let before = server.memory()?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let outcome = runtime.block_on(async {
        let mut unread = Vec::new();
        for _ in 0..stalled {
            unread.push(subscribe(&url).await?);
        }
        for number in 0..subscribers {
            let updates = subscribe(&url).await?;
            let (seen, published) = (Arc::clone(&seen), Arc::clone(&published));
            tokio::spawn(follow(updates, number, seen, published));
        }
        tokio::time::sleep(WARM_UP).await;
        let memory = server.memory()?.saturating_sub(before);
        *lock(&seen) = Seen::default();
        let cpu = server.cpu()?;
        tokio::time::sleep(MEASURED).await;
        let cpu = server.cpu()?.saturating_sub(cpu);
        let Seen { count, mut delays } = std::mem::take(&mut *lock(&seen));
        delays.sort_by(f64::total_cmp);
        drop(unread);
        Ok::<_, Box<dyn std::error::Error>>(Outcome {
            delivered: count,
            micros: cpu.as_secs_f64() * 1e6 / count as f64,
            memory: memory as f64 / (subscribers + stalled) as f64,
            delays,
        })
    })?;
    // It ends with the server.
    drop(moving);
    Ok(outcome)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Moves all characters, for as long as the server takes it. A sequence number is the index of its time.
fn publish(url: &str, published: &Published) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    // The end of the server is the end of the load.
    let _: Result = runtime.block_on(async {
        let channel = Endpoint::from_shared(url.to_owned())?.connect().await?;
        let (requests, receiver) = mpsc::channel(4);
        let joins = (1..=CHARACTERS).map(|number| Join {
            name: format!("Character {number}"),
            ..Join::default()
        });
        requests
            .send(PositionSyncRequest {
                joins: joins.collect(),
                receive: Some(PositionSubRequest::default()),
                ..PositionSyncRequest::default()
            })
            .await?;
        let mut stage = PositionServiceClient::new(channel);
        let call = stage.position_sync(ReceiverStream::new(receiver));
        let mut updates = call.await?.into_inner();
        let own = loop {
            let update = updates.message().await?.ok_or("no answer")?;
            if !update.own.is_empty() {
                break update.own;
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = updates.message().await {} });
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
        for sequence in 1_u32.. {
            ticks.tick().await;
            let samples = own.iter().map(|character| Sample {
                character: character.id,
                epoch: 0,
                sequence,
                time_ms: i64::from(sequence),
                position: Some(Pos {
                    x: sequence as f32,
                    y: 1.0,
                    z: -1.0,
                }),
            });
            let request = PositionSyncRequest {
                samples: samples.collect(),
                ..PositionSyncRequest::default()
            };
            lock(published).push(Instant::now());
            requests.send(request).await?;
        }
        Ok(())
    });
}

/// A subscription over a connection of its own, whose messages are taken as bytes: decoding them all would cost more than the
/// server does.
async fn subscribe(url: &str) -> Result<Streaming<Bytes>> {
    let channel: Channel = Endpoint::from_shared(url.to_owned())?.connect().await?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let all = PositionSubRequest {
        all: true,
        ..PositionSubRequest::default()
    };
    let path = PathAndQuery::from_static("/posXYZ.PositionService/PositionSub");
    let request = Request::new(Bytes::from(all.encode_to_vec()));
    let response = client.server_streaming(request, path, BytesCodec).await?;
    Ok(response.into_inner())
}

async fn follow(
    mut updates: Streaming<Bytes>,
    number: usize,
    seen: Arc<Mutex<Seen>>,
    published: Published,
) {
    let mut index = number;
    while let Ok(Some(update)) = updates.message().await {
        let arrived = Instant::now();
        index += 1;
        lock(&seen).count += 1;
        if !index.is_multiple_of(LOOKED_AT) {
            continue;
        }
        let sample = StageUpdate::decode(update).ok().and_then(|update| {
            let mut samples = update.samples.into_iter();
            // Not the default character, which the server moves.
            samples.find(|sample| sample.character != 1)
        });
        let sent = sample.and_then(|sample| {
            let index = sample.time_ms as usize - 1;
            lock(&published).get(index).copied()
        });
        if let Some(sent) = sent {
            let delay = arrived.saturating_duration_since(sent);
            lock(&seen).delays.push(delay.as_secs_f64() * 1e3);
        }
    }
}

/// A thousand characters in Chromium, moved by the command line.
fn in_the_browser(binary: &Path, script: &Path, folder: &Path, nobody: &Path) -> Result {
    let server = peers::soundstage(binary, folder, nobody)?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let mut simulated = Command::new(binary)
        .args(["position", "simulate", "1000", "--server", &url])
        .spawn()?;
    let status = Command::new("node").arg(script).arg(&url).status();
    // It ends with the server if not now.
    let _ = simulated.kill();
    let _ = simulated.wait();
    if status?.success() {
        Ok(())
    } else {
        Err("the page in Chromium failed".into())
    }
}
