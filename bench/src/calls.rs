//! `calls`: the cost of a call to the server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::compare::{Binaries, Figure};
use crate::load::{Cost, H2, wrk};
use crate::peers;
use crate::process::{Server, free_port};

/// Users in the large directory, all of one type.
const LARGE: u64 = 100_000;
/// Users in the small directory.
const SMALL: u64 = 1000;
/// Bytes of the response of `GetUser`: a frame header of 5 and a message of 47.
const RESPONSE_BYTES: usize = 52;

/// Measures and prints all calls.
pub(crate) fn run(binaries: &Binaries, python: &Path, peers: &Path, folder: &Path) -> Result {
    println!(
        "server CPU time, and responses per second while the load generator shares the machine\n"
    );
    let libraries = peers::versions(peers)?;
    let calls = Calls::new(binaries, python, libraries, folder)?;
    calls.get_user()?;
    calls.get_user_over_grpc_web()?;
    calls.get_users_by_type()?;
    calls.add_user()
}

struct Calls<'a> {
    binaries: &'a Binaries,
    python: &'a Path,
    /// The names and programs of peers on other gRPC libraries.
    libraries: Vec<(String, PathBuf)>,
    folder: &'a Path,
    /// Files of users in the predecessor's format.
    small: PathBuf,
    large: PathBuf,
    /// Files with one request each, in a gRPC frame.
    id: PathBuf,
    user_type: PathBuf,
    user: PathBuf,
}

impl<'a> Calls<'a> {
    fn new(
        binaries: &'a Binaries,
        python: &'a Path,
        libraries: Vec<(String, PathBuf)>,
        folder: &'a Path,
    ) -> Result<Self> {
        let write = |name: &str, content: &[u8]| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, content)?;
            Ok(path)
        };
        Ok(Self {
            binaries,
            python,
            libraries,
            folder,
            small: write("small.json", seed(SMALL).as_bytes())?,
            large: write("large.json", seed(LARGE).as_bytes())?,
            // UserRequest { id: 777 }
            id: write("id", &frame(&[0x08, 0x89, 0x06]))?,
            // UserTypeRequest { user_type: NORMAL }
            user_type: write("user_type", &frame(&[0x20, 0x01]))?,
            // User { nickname: "new", mail_address: "new@example.com", user_type: NORMAL }; the server chooses the id.
            user: write(
                "user",
                &frame(b"\x12\x03new\x1a\x0fnew@example.com\x20\x01"),
            )?,
        })
    }

    fn soundstage(&self, binary: &Path, seed: &Path) -> Result<Server> {
        peers::soundstage(binary, self.folder, seed)
    }

    /// Starts Soundstage with its default log, in a file.
    fn with_log(&self, binary: &Path, seed: &Path) -> Result<Server> {
        let port = free_port()?;
        let database = self.folder.join(format!("{port}.db"));
        let mut command = peers::serve_command(binary, port, &database);
        command
            .env_remove("SOUNDSTAGE_LOG")
            .stderr(fs::File::create(self.folder.join("log"))?);
        peers::start_soundstage(command.arg("--seed").arg(seed), port)
    }

    fn predecessor(&self, seed: &Path) -> Result<Server> {
        peers::predecessor(self.python, self.folder, seed)
    }

    fn get_user(&self) -> Result {
        println!(
            "GetUser of {LARGE} users, native gRPC, 8 connections with 8 requests in flight each"
        );
        let call = |path, server: &Server, requests| {
            H2 {
                path,
                body: Some(&self.id),
                requests,
                connections: 8,
                in_flight: 8,
            }
            .run(server)
        };
        let warm = |path, server: &Server| {
            call(path, server, 20_000)?;
            call(path, server, 300_000)
        };
        let ours = self.binaries.measure(|binary| {
            warm(
                "/UserManager/GetUser",
                &self.soundstage(binary, &self.large)?,
            )
        })?;
        let logged = warm(
            "/UserManager/GetUser",
            &self.with_log(&self.binaries.current, &self.large)?,
        )?;
        fs::write(self.folder.join("response"), "x".repeat(RESPONSE_BYTES))?;
        // With the same request, so that both servers read as much.
        let floor = warm("/response", &peers::nghttpd(self.folder)?)?;
        let hyper = warm("/UserManager/GetUser", &peers::bare_hyper(RESPONSE_BYTES)?)?;
        let predecessor = call(
            "/UserManager/GetUser",
            &self.predecessor(&self.large)?,
            5000,
        )?;
        let libraries = self.on_libraries(|server| warm("/UserManager/GetUser", server))?;
        ours.print("soundstage", row, CPU);
        row("soundstage, a line of log for each call", &logged);
        row("nghttpd, a file of the same size", &floor);
        row("bare hyper, a constant of the same size", &hyper);
        row("predecessor's design (Python)", &predecessor);
        ratio("soundstage / nghttpd", ours.current.cpu / floor.cpu);
        ratio("soundstage / bare hyper", ours.current.cpu / hyper.cpu);
        ratio("bare hyper / nghttpd", hyper.cpu / floor.cpu);
        compare(&ours.current, &libraries);
        println!();
        Ok(())
    }

    /// Measures each peer on another gRPC library.
    fn on_libraries(&self, measure: impl Fn(&Server) -> Result<Cost>) -> Result<Vec<(&str, Cost)>> {
        let mut costs = vec![("bare tonic", measure(&peers::bare_tonic(LARGE)?)?)];
        for (name, program) in &self.libraries {
            let server = peers::on_library(program, &[], LARGE)?;
            costs.push((name, measure(&server)?));
        }
        Ok(costs)
    }

    fn get_user_over_grpc_web(&self) -> Result {
        println!("GetUser of {LARGE} users, gRPC-Web over HTTP/1.1, 8 connections");
        let script = self.folder.join("grpc_web.lua");
        fs::write(
            &script,
            "wrk.method = 'POST'\n\
             wrk.headers['content-type'] = 'application/grpc-web+proto'\n\
             wrk.headers['x-grpc-web'] = '1'\n\
             wrk.body = '\\0\\0\\0\\0\\3\\8\\137\\6'\n",
        )?;
        let warm = |server: &Server| {
            wrk(server, &script, "/UserManager/GetUser", 1)?;
            wrk(server, &script, "/UserManager/GetUser", 5)
        };
        let ours = self
            .binaries
            .measure(|binary| warm(&self.soundstage(binary, &self.large)?))?;
        // The frame of the message and the frame of the trailers.
        let bytes = RESPONSE_BYTES + 5 + "grpc-status:0\r\n".len();
        let floor = warm(&peers::nginx(self.folder, bytes)?)?;
        ours.print("soundstage", row, CPU);
        row("nginx, a constant of the same size", &floor);
        ratio("soundstage / nginx", ours.current.cpu / floor.cpu);
        println!();
        Ok(())
    }

    fn get_users_by_type(&self) -> Result {
        println!("GetUsersByType, {LARGE} messages per call, native gRPC");
        let call = |path, body, server: &Server, requests| {
            let call = H2 {
                path,
                body,
                requests,
                connections: 1,
                in_flight: 1,
            };
            Ok(call.run(server)?.per_message(LARGE))
        };
        let by_type = |server: &Server, requests| -> Result<Cost> {
            let body = Some(self.user_type.as_path());
            call("/UserManager/GetUsersByType", body, server, requests)
        };
        let mut growth = Vec::new();
        let ours = self.binaries.measure(|binary| {
            let server = self.soundstage(binary, &self.large)?;
            by_type(&server, 2)?;
            let before = server.memory()?;
            let cost = by_type(&server, 30)?;
            if std::ptr::eq(binary, &raw const self.binaries.current) {
                growth.push(server.memory()?.saturating_sub(before));
            }
            Ok(cost)
        })?;
        let message = fs::metadata(&self.large)?.len() / LARGE / 2;
        fs::write(
            self.folder.join("stream"),
            "x".repeat((message * LARGE) as usize),
        )?;
        let floor: Cost = call("/stream", None, &peers::nghttpd(self.folder)?, 30)?;
        let libraries = self.on_libraries(|server| by_type(server, 3))?;
        let predecessor = by_type(&self.predecessor(&self.large)?, 1)?;
        ours.print("soundstage", row, CPU);
        row("nghttpd, a file of about as many bytes", &floor);
        row("predecessor's design (Python)", &predecessor);
        compare(&ours.current, &libraries);
        println!(
            "  {:<42} {:>8.1} MB\n",
            "soundstage, growth over 3,000,000 messages",
            growth.into_iter().max().unwrap_or(0) as f64 / 1e6
        );
        Ok(())
    }

    fn add_user(&self) -> Result {
        println!("AddUser, durable, 64 requests in flight; time from one response to the next");
        let add = |server: &Server, requests| {
            H2 {
                path: "/UserManager/AddUser",
                body: Some(&self.user),
                requests,
                connections: 8,
                in_flight: 8,
            }
            .run(server)
        };
        let ours = |seed: &Path| {
            self.binaries
                .measure(|binary| add(&self.soundstage(binary, seed)?, 20_000))
        };
        let predecessor = |seed: &Path, requests| add(&self.predecessor(seed)?, requests);
        let (small, large) = (ours(&self.small)?, ours(&self.large)?);
        let (their_small, their_large) =
            (predecessor(&self.small, 64)?, predecessor(&self.large, 16)?);
        let figures = [CPU, ELAPSED].concat();
        small.print(&format!("soundstage, {SMALL} users"), row, &figures);
        large.print(&format!("soundstage, {LARGE} users"), row, &figures);
        row(
            &format!("predecessor's design, {SMALL} users"),
            &their_small,
        );
        row(
            &format!("predecessor's design, {LARGE} users"),
            &their_large,
        );
        let (small, large) = (small.current, large.current);
        ratio("soundstage, large / small", large.elapsed / small.elapsed);
        ratio("soundstage, large / small, CPU", large.cpu / small.cpu);
        ratio(
            "predecessor, large / small",
            their_large.elapsed / their_small.elapsed,
        );
        println!();
        Ok(())
    }
}

/// The figures of which ratios are printed.
const CPU: &[Figure<Cost>] = &[("CPU", |cost| cost.cpu)];
const ELAPSED: &[Figure<Cost>] = &[("elapsed", |cost| cost.elapsed)];

/// Returns a file of users in the predecessor's format.
pub(crate) fn seed(count: u64) -> String {
    let entry = |id: u64| {
        format!(
            "\"{id}\": {{\"id\": {id}, \"nickname\": \"user number {id}\", \
             \"mail_address\": \"user{id}@example.com\", \"user_type\": \"NORMAL\"}}"
        )
    };
    format!(
        "{{{}}}",
        (1..=count).map(entry).collect::<Vec<_>>().join(",\n")
    )
}

/// Returns a message of less than 256 bytes in a gRPC frame.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, message.len() as u8], message].concat()
}

fn row(name: &str, cost: &Cost) {
    let Cost { cpu, elapsed } = cost;
    let rate = cost.rate();
    println!("  {name:<42} {cpu:>8.3} us CPU  {elapsed:>10.2} us elapsed  {rate:>10.0} /s");
}

fn ratio(name: &str, value: f64) {
    println!("  {name:<42} {value:>8.2}");
}

/// Prints the costs of the peers on other gRPC libraries, and the ratios to them.
fn compare(ours: &Cost, libraries: &[(&str, Cost)]) {
    for (name, cost) in libraries {
        row(name, cost);
    }
    for (name, cost) in libraries {
        ratio(&format!("soundstage / {name}"), ours.cpu / cost.cpu);
    }
}
