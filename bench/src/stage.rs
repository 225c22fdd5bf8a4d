//! `stage`: many subscribers to many characters, beside a server that encodes for each subscriber and a server in
//! Python.

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
use crate::compare::{Binaries, Figure, Median, median};
use crate::peers;
use crate::process::Server;

/// Who moves, and who subscribes.
#[derive(Clone, Copy)]
struct Load {
    /// The number of streams, all of which read, and their connections.
    subscribers: usize,
    connections: usize,
    /// Additional subscribers that do not read, on a connection each.
    stalled: usize,
    characters: u32,
    /// Samples of each character per second.
    rate: u32,
}

/// A connection for each subscriber.
const OWN_CONNECTIONS: Load = Load {
    subscribers: 1000,
    connections: 1000,
    stalled: 0,
    characters: 100,
    rate: 30,
};

/// Many subscribers on each connection, as of a proxy.
const SHARED_CONNECTIONS: Load = Load {
    subscribers: 5000,
    connections: 25,
    stalled: 0,
    characters: 1,
    rate: 10,
};

/// The measured time, and the time under load before.
const MEASURED: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(3);
/// The number of subscribers that do not read, in the run that measures their effect on the others.
const STALLED: usize = 20;
/// All messages are counted; one in this number is decoded for its delay.
const DECODED: usize = 29;

/// The figures of one run.
struct Outcome {
    /// Messages received per second.
    rate: f64,
    /// The server's CPU time per message, in microseconds.
    cpu: f64,
    /// The server's memory per subscriber, in bytes.
    memory: f64,
    /// The median and the 99th percentile of the delay from publishing to arrival, in milliseconds.
    p50: f64,
    p99: f64,
}

impl Median for Outcome {
    fn median(results: &[Self]) -> Self {
        Self {
            rate: median(results, |outcome| outcome.rate),
            cpu: median(results, |outcome| outcome.cpu),
            memory: median(results, |outcome| outcome.memory),
            p50: median(results, |outcome| outcome.p50),
            p99: median(results, |outcome| outcome.p99),
        }
    }
}

/// Measures and prints all figures. `script` shows the stage in Chromium.
pub(crate) fn run(binaries: &Binaries, python: &Path, script: &Path, folder: &Path) -> Result {
    let no_users = folder.join("no-users.json");
    std::fs::write(&no_users, "{}")?;
    let ours_on = |load| {
        binaries.measure(|binary| {
            let server = peers::soundstage(binary, folder, &no_users)?;
            measure(&server, load)
        })
    };
    let figures: [Figure<Outcome>; 3] = [
        ("CPU", |outcome| outcome.cpu),
        ("memory", |outcome| outcome.memory),
        ("median delay", |outcome| outcome.p50),
    ];
    let few = Load {
        subscribers: OWN_CONNECTIONS.subscribers / 10,
        connections: OWN_CONNECTIONS.connections / 10,
        ..OWN_CONNECTIONS
    };
    let without = ours_on(OWN_CONNECTIONS)?;
    let with_stalled = ours_on(Load {
        stalled: STALLED,
        ..OWN_CONNECTIONS
    })?;
    let each = measure(&peers::encodes_for_each()?, OWN_CONNECTIONS)?;
    let python = measure(&peers::stage_in_python(python)?, few)?;
    OWN_CONNECTIONS.print();
    without.print("soundstage", row, &figures);
    let name = format!("soundstage, {STALLED} more do not read");
    with_stalled.print(&name, row, &figures);
    row("bare tonic, encodes for each", &each);
    row(
        &format!("grpcio in Python, {} subscribers", few.subscribers),
        &python,
    );
    let ours = &without.current;
    ratio(
        "CPU per message, bare tonic / soundstage",
        each.cpu / ours.cpu,
    );
    ratio(
        "CPU per message, Python / soundstage",
        python.cpu / ours.cpu,
    );
    ratio(
        "99th percentile, with stalled / without",
        with_stalled.current.p99 / ours.p99,
    );
    println!();
    let shared = ours_on(SHARED_CONNECTIONS)?;
    let each = measure(&peers::encodes_for_each()?, SHARED_CONNECTIONS)?;
    SHARED_CONNECTIONS.print();
    shared.print("soundstage", row, &figures);
    row("bare tonic, encodes for each", &each);
    ratio(
        "CPU per message, bare tonic / soundstage",
        each.cpu / shared.current.cpu,
    );
    println!();
    binaries.each(|binary| {
        if binaries.baseline.is_some() {
            println!("{}:", binary.display());
        }
        in_browser(binary, script, folder, &no_users)
    })?;
    Ok(())
}

impl Load {
    fn print(self) {
        let Self {
            subscribers,
            connections,
            characters,
            rate,
            ..
        } = self;
        println!(
            "{subscribers} subscribers on {connections} connections, {characters} characters at {rate} Hz, {} s\n",
            MEASURED.as_secs()
        );
    }
}

fn row(name: &str, outcome: &Outcome) {
    println!(
        "  {name:<40} {:>7.2} us CPU per message  {:>6.1} kB per subscriber  median {:>5.1} ms  99th {:>6.1} ms  {:>7.0} /s",
        outcome.cpu,
        outcome.memory / 1e3,
        outcome.p50,
        outcome.p99,
        outcome.rate,
    );
}

fn ratio(name: &str, value: f64) {
    println!("  {name:<46} {value:>6.2}");
}

/// Returns a percentile of values in ascending order.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// The time of publishing, by sequence number.
type Published = Arc<Mutex<Vec<Instant>>>;

/// The messages that all subscribers have received.
#[derive(Default)]
struct Received {
    count: usize,
    /// In milliseconds.
    delays: Vec<f64>,
}

/// Measures a server under the load of a publisher and its subscribers.
fn measure(server: &Server, load: Load) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let published = Published::default();
    // On its own thread, so that busy subscribers do not delay the publisher.
    let moving = {
        let (url, published) = (url.clone(), Arc::clone(&published));
        std::thread::spawn(move || publish(&url, load, &published))
    };
    let before = server.memory()?;
    let received = Arc::new(Mutex::new(Received::default()));
    let outcome = runtime.block_on(async {
        let mut unread = Vec::new();
        for _ in 0..load.stalled {
            unread.push(subscribe(connect(&url).await?).await?);
        }
        let mut channels = Vec::new();
        for _ in 0..load.connections {
            channels.push(connect(&url).await?);
        }
        for number in 0..load.subscribers {
            let channel = channels[number % load.connections].clone();
            let updates = subscribe(channel).await?;
            let (received, published) = (Arc::clone(&received), Arc::clone(&published));
            tokio::spawn(follow(updates, number, received, published));
        }
        tokio::time::sleep(WARM_UP).await;
        let memory = server.memory()?.saturating_sub(before);
        *lock(&received) = Received::default();
        let cpu = server.cpu()?;
        tokio::time::sleep(MEASURED).await;
        let cpu = server.cpu()?.saturating_sub(cpu);
        let Received { count, mut delays } = std::mem::take(&mut *lock(&received));
        delays.sort_by(f64::total_cmp);
        drop(unread);
        Ok::<_, Box<dyn std::error::Error>>(Outcome {
            rate: count as f64 / MEASURED.as_secs_f64(),
            cpu: cpu.as_secs_f64() * 1e6 / count as f64,
            memory: memory as f64 / (load.subscribers + load.stalled) as f64,
            p50: percentile(&delays, 50),
            p99: percentile(&delays, 99),
        })
    })?;
    // The publisher ends with the server.
    drop(moving);
    Ok(outcome)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Moves all characters until the server ends. A sequence number is an index into `published`.
fn publish(url: &str, load: Load, published: &Published) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    // The load ends with the server, so the error is expected.
    let _: Result = runtime.block_on(async {
        let channel = connect(url).await?;
        let (requests, receiver) = mpsc::channel(4);
        let joins = (1..=load.characters).map(|number| Join {
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
        let characters = loop {
            let update = updates
                .message()
                .await?
                .ok_or("the stream ended before the characters joined")?;
            if !update.own.is_empty() {
                break update.own;
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = updates.message().await {} });
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / load.rate);
        for sequence in 1_u32.. {
            ticks.tick().await;
            let samples = characters.iter().map(|character| Sample {
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

async fn connect(url: &str) -> Result<Channel> {
    Ok(Endpoint::from_shared(url.to_owned())?.connect().await?)
}

/// Subscribes to all characters. Messages stay encoded, because decoding all of them would cost more CPU time than
/// the server.
async fn subscribe(channel: Channel) -> Result<Streaming<Bytes>> {
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

/// Counts the messages of a subscription and decodes some. `number` spreads the decoding over the subscribers.
async fn follow(
    mut updates: Streaming<Bytes>,
    number: usize,
    received: Arc<Mutex<Received>>,
    published: Published,
) {
    let mut index = number;
    while let Ok(Some(update)) = updates.message().await {
        let arrived = Instant::now();
        index += 1;
        lock(&received).count += 1;
        if !index.is_multiple_of(DECODED) {
            continue;
        }
        let sample = StageUpdate::decode(update).ok().and_then(|update| {
            let mut samples = update.samples.into_iter();
            // The server moves the default character.
            samples.find(|sample| sample.character != 1)
        });
        let sent = sample.and_then(|sample| {
            let index = sample.time_ms as usize - 1;
            lock(&published).get(index).copied()
        });
        if let Some(sent) = sent {
            let delay = arrived.saturating_duration_since(sent);
            lock(&received).delays.push(delay.as_secs_f64() * 1e3);
        }
    }
}

/// Shows in Chromium a thousand characters that the command line moves.
fn in_browser(binary: &Path, script: &Path, folder: &Path, no_users: &Path) -> Result {
    let server = peers::soundstage(binary, folder, no_users)?;
    let url = format!("http://127.0.0.1:{}", server.port);
    let mut simulation = Command::new(binary)
        .args(["position", "simulate", "1000", "--server", &url])
        .spawn()?;
    let status = Command::new("node").arg(script).arg(&url).status();
    // A process that survives this ends with the server.
    let _ = simulation.kill();
    let _ = simulation.wait();
    if status?.success() {
        Ok(())
    } else {
        Err("the script in Chromium failed".into())
    }
}
