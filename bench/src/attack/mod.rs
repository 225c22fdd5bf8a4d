//! `attack`: what a well-behaved client feels, and what memory the server needs, while a client at another address
//! attacks the server. Each attack has a server of its own.

mod client;
mod connection;
mod floods;
mod h2;
mod idle;
mod measure;
mod streams;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::calls::seed;
use crate::peers;
use crate::process::{Server, free_port};

/// Users in the directory.
const USERS: u32 = 100_000;
/// Characters on the stage, in the attacks that need characters.
const CHARACTERS: u32 = 1000;
/// The time of an attack.
const TIME: Duration = Duration::from_secs(8);
/// The time of an attack that must see the server's pings.
const PINGED: Duration = Duration::from_secs(33);

/// What an attack needs beside a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setup {
    Users,
    /// Characters that move.
    Characters,
    /// A log with a line per call, in a pipe that nobody reads.
    UnreadLog,
}

struct Attack {
    name: &'static str,
    setup: Setup,
    time: Duration,
    /// Attacks a server until a time. Returns what the attacker has done.
    run: fn(SocketAddr, Instant) -> io::Result<String>,
}

impl Attack {
    const fn new(
        name: &'static str,
        setup: Setup,
        run: fn(SocketAddr, Instant) -> io::Result<String>,
    ) -> Self {
        Self {
            name,
            setup,
            time: TIME,
            run,
        }
    }
}

const ATTACKS: [Attack; 16] = [
    Attack::new("no attack", Setup::Users, |_, end| {
        thread::sleep(end.saturating_duration_since(Instant::now()));
        Ok(String::new())
    }),
    Attack {
        name: "idle, HTTP/2 that answers pings",
        setup: Setup::Users,
        time: PINGED,
        run: idle::pings,
    },
    Attack::new("idle, silent", Setup::Users, idle::silent),
    Attack::new("idle, a trickling body", Setup::Users, idle::trickle),
    Attack::new("bursts of connections", Setup::Users, idle::bursts),
    Attack::new("abandoned searches", Setup::Users, streams::searches),
    Attack::new(
        "users, no window",
        Setup::Users,
        streams::users_without_window,
    ),
    Attack::new("users, unread", Setup::Users, streams::users_unread),
    Attack::new(
        "characters, no window",
        Setup::Characters,
        streams::stage_without_window,
    ),
    Attack::new(
        "characters, unread",
        Setup::Characters,
        streams::stage_unread,
    ),
    Attack::new("flood of pings", Setup::Users, floods::pings),
    Attack::new("flood of resets", Setup::Users, floods::resets),
    Attack::new("flood of settings", Setup::Users, floods::settings),
    Attack::new("flood of WebSockets", Setup::Users, floods::sockets),
    Attack::new("unread log", Setup::UnreadLog, streams::logged_calls),
    Attack::new("watchers", Setup::Users, streams::watchers),
];

/// Measures and prints all figures, or those of the attacks whose names contain one of `parts`.
pub(crate) fn run(binary: &Path, parts: &[&Path], folder: &Path) -> Result {
    let database = filled_database(binary, folder)?;
    measure::print_head();
    let is_chosen = |attack: &&Attack| {
        let mut parts = parts.iter().filter_map(|part| part.to_str());
        parts.clone().next().is_none() || parts.any(|part| attack.name.contains(part))
    };
    // Each server stays idle for a while after its attack. The next attack need not wait for that.
    let mut idle = Vec::new();
    for attack in ATTACKS.iter().filter(is_chosen) {
        let port = free_port()?;
        let copy = folder.join(format!("{port}.db"));
        fs::copy(&database, &copy)?;
        let mut command = peers::serve_command(binary, port, &copy);
        let log = folder.join(format!("{port}.log"));
        if attack.setup == Setup::UnreadLog {
            command.args(["--log", "info"]).stderr(Stdio::piped());
        } else {
            command.stderr(fs::File::create(&log)?);
        }
        let server = peers::start_soundstage(&mut command, port)?;
        let characters = (attack.setup == Setup::Characters)
            .then(|| Simulation::start(binary, port))
            .transpose()?;
        let memory = measure::measure(attack, &server)?;
        drop(characters);
        measure::print_log(&fs::read_to_string(log).unwrap_or_default());
        idle.push(thread::spawn(move || memory.after_pause(server)));
    }
    measure::print_memory_head();
    for pause in idle {
        let memory = pause.join().map_err(|_| "a thread has panicked")??;
        memory.print();
    }
    Ok(())
}

/// Returns a database with [`USERS`] users, which no server uses.
fn filled_database(binary: &Path, folder: &Path) -> Result<std::path::PathBuf> {
    let users = folder.join("users.json");
    fs::write(&users, seed(u64::from(USERS)))?;
    let port = free_port()?;
    let database = folder.join("users.db");
    let mut command = peers::serve_command(binary, port, &database);
    let mut server: Server = peers::start_soundstage(command.arg("--seed").arg(users), port)?;
    // A server that stops in order moves the log into the database.
    server
        .stop(Duration::from_secs(10))
        .ok_or("the server with the new database did not stop")?;
    Ok(database)
}

/// Characters that move on a stage. Dropping the value removes them.
struct Simulation(Child);

impl Simulation {
    fn start(binary: &Path, port: u16) -> Result<Self> {
        let url = format!("http://127.0.0.1:{port}");
        let count = CHARACTERS.to_string();
        let simulation = Command::new(binary)
            .args(["position", "simulate", &count, "--server", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // The time to join and to move.
        thread::sleep(Duration::from_secs(1));
        Ok(Self(simulation))
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
