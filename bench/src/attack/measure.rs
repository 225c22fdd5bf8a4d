//! The measurement of an attack, and its two rows: the client's calls while it lasts, and the server's memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{self, Calls};
use super::{Attack, CHARACTERS, USERS};
use crate::Result;
use crate::process::Server;

/// The time of the calls before the measurement.
const WARM_UP: Duration = Duration::from_millis(500);
/// The time between two samples of the memory.
const SAMPLING: Duration = Duration::from_millis(50);
/// The time from the end of an attack to the last measurement of the memory.
const PAUSE: Duration = Duration::from_mins(1);
/// The longest time to stop: the server's drain, and a little more.
const STOP: Duration = Duration::from_secs(12);

/// The aims: the delay of the slowest calls in milliseconds, and the growth of the memory in bytes.
const P99: f64 = 50.0;
const GROWTH: u64 = 50_000_000;

/// Marks a row that misses an aim.
fn mark(misses: bool) -> &'static str {
    if misses { "*" } else { " " }
}

/// Prints the head of the first table.
pub(super) fn print_head() {
    println!(
        "{USERS} users, at times {CHARACTERS} characters; a client at 127.0.0.1 makes 100 calls per second"
    );
    println!(
        "(* misses an aim: a 99th percentile of at most {P99} ms, no failed call, memory back to {} MB above idle)\n",
        GROWTH / 1_000_000
    );
    println!(
        "  {:<32} {:>9} {:>9} {:>12} {:>12} {:>11}   the attacker",
        "the client's calls", "median", "99th", "AddUser 99th", "failed", "server CPU"
    );
}

/// Prints the head of the second table.
pub(super) fn print_memory_head() {
    println!(
        "\n  {:<32} {:>9} {:>9} {:>12}   {:<24} {:>9}",
        "the server's memory",
        "idle",
        "peak",
        format!("after {} s", PAUSE.as_secs()),
        "descriptors",
        "stops in"
    );
}

/// Runs an attack and prints its first row.
pub(super) fn measure(attack: &Attack, server: &Server) -> Result<Memory> {
    client::call_until(server.port, Instant::now() + WARM_UP)?;
    let mut memory = Memory {
        name: attack.name,
        idle: Usage::of(server)?,
        peak: Usage::of(server)?,
        end: Instant::now(),
    };
    let cpu = server.cpu()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port));
    let start = Instant::now();
    let end = start + attack.time;
    let (calls, work) = thread::scope(|scope| {
        let calls = scope.spawn(|| client::call_until(server.port, end));
        let work = scope.spawn(|| (attack.run)(address, end));
        while !(calls.is_finished() && work.is_finished()) {
            memory.peak = memory.peak.max(Usage::of(server)?);
            thread::sleep(SAMPLING);
        }
        let panicked = |_| "a thread has panicked";
        let calls = calls.join().map_err(panicked)??;
        Ok::<_, Box<dyn std::error::Error>>((calls, work.join().map_err(panicked)?))
    })?;
    memory.end = Instant::now();
    let cpu = server.cpu()?.saturating_sub(cpu);
    let cores = cpu.as_secs_f64() / start.elapsed().as_secs_f64();
    // An attack that ends early still has figures.
    let work = work.unwrap_or_else(|error| format!("ended early: {error}"));
    print_calls(attack.name, &calls, cores, &work);
    Ok(memory)
}

fn print_calls(name: &str, calls: &Calls, cores: f64, work: &str) {
    let p99 = calls.percentile(99);
    let failed = format!("{} of {}", calls.failed, calls.count());
    println!(
        "{} {name:<32} {:>6.1} ms {p99:>6.1} ms {:>9.1} ms {failed:>12} {cores:>5.2} cores   {work}",
        mark(p99 > P99 || calls.failed > 0),
        calls.percentile(50),
        calls.percentile_of_adds(99),
    );
    if let Some(error) = &calls.error {
        println!("    the first failed call: {error}");
    }
}

/// Prints the number of lines that a server has logged during an attack, and the first line.
pub(super) fn print_log(log: &str) {
    if let Some(first) = log.lines().next() {
        println!(
            "    the server logged {} lines; the first: {first}",
            log.lines().count()
        );
    }
}

/// What a server uses.
#[derive(Clone, Copy)]
struct Usage {
    /// Resident memory, in bytes.
    memory: u64,
    /// Open file descriptors.
    descriptors: usize,
}

impl Usage {
    fn of(server: &Server) -> Result<Self> {
        Ok(Self {
            memory: server.memory()?,
            descriptors: server.descriptors()?,
        })
    }

    fn max(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

/// What a server has used before and during an attack.
pub(super) struct Memory {
    name: &'static str,
    idle: Usage,
    peak: Usage,
    /// When the attack ended.
    end: Instant,
}

impl Memory {
    /// Measures an idle server some time after the attack, and stops it.
    pub(super) fn after_pause(self, mut server: Server) -> std::result::Result<Row, String> {
        thread::sleep((self.end + PAUSE).saturating_duration_since(Instant::now()));
        let after = Usage::of(&server).map_err(|error| format!("{}: {error}", self.name))?;
        Ok(Row {
            memory: self,
            after,
            stop: server.stop(STOP),
        })
    }
}

/// The second row of an attack.
pub(super) struct Row {
    memory: Memory,
    after: Usage,
    /// The time to stop, or `None` if the server did not stop.
    stop: Option<Duration>,
}

impl Row {
    pub(super) fn print(&self) {
        let Memory {
            name, idle, peak, ..
        } = &self.memory;
        let after = &self.after;
        let megabytes = |usage: &Usage| format!("{:.1} MB", usage.memory as f64 / 1e6);
        let stop = self.stop.map_or("killed".into(), |time| {
            format!("{:.2} s", time.as_secs_f64())
        });
        println!(
            "{} {name:<32} {:>9} {:>9} {:>12}   {:<24} {stop:>9}",
            mark(after.memory > idle.memory + GROWTH || self.stop.is_none()),
            megabytes(idle),
            megabytes(peak),
            megabytes(after),
            format!(
                "{}, {}, {}",
                idle.descriptors, peak.descriptors, after.descriptors
            ),
        );
    }
}
