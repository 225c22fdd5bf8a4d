//! `calls`: what a call costs the server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::load::{Cost, H2, wrk};
use crate::peers;
use crate::process::Server;

/// Users in the large directory; all of them are of one type.
const MANY: u64 = 100_000;
/// Users in the small one.
const FEW: u64 = 1000;

/// Runs everything, and prints a table.
pub(crate) fn run(binary: &Path, python: &Path, folder: &Path) -> Result {
    Calls::prepare(binary, python, folder)?.measure()
}

struct Calls<'a> {
    binary: &'a Path,
    python: &'a Path,
    folder: &'a Path,
    few: PathBuf,
    many: PathBuf,
    /// Requests, each one gRPC frame.
    get_user: PathBuf,
    of_type: PathBuf,
    add_user: PathBuf,
}

impl<'a> Calls<'a> {
    fn prepare(binary: &'a Path, python: &'a Path, folder: &'a Path) -> Result<Self> {
        let write = |name: &str, content: &[u8]| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, content)?;
            Ok(path)
        };
        Ok(Self {
            binary,
            python,
            folder,
            few: write("few.json", seed(FEW).as_bytes())?,
            many: write("many.json", seed(MANY).as_bytes())?,
            // UserRequest { id: 777 }
            get_user: write("get_user", &frame(&[0x08, 0x89, 0x06]))?,
            // UserTypeRequest { user_type: NORMAL }
            of_type: write("of_type", &frame(&[0x20, 0x01]))?,
            // User { nickname: "new", mail_address: "new@example.com", user_type: NORMAL }; the server picks the id
            add_user: write(
                "add_user",
                &frame(b"\x12\x03new\x1a\x0fnew@example.com\x20\x01"),
            )?,
        })
    }

    fn measure(&self) -> Result {
        println!(
            "server CPU, and answers per second while the load generator shares the machine\n"
        );
        self.unary()?;
        self.grpc_web()?;
        self.stream()?;
        self.add()
    }

    fn unary(&self) -> Result {
        let h2 = |path, body, requests| H2 {
            path,
            body,
            requests,
            connections: 8,
            in_flight: 8,
        };
        println!("GetUser of {MANY} users, native gRPC, 8 connections x 8 in flight");
        let ours = {
            let server = peers::soundstage(self.binary, self.folder, &self.many)?;
            let call = |requests| {
                h2(
                    "/UserManager/GetUser",
                    Some(self.get_user.as_path()),
                    requests,
                )
                .run(&server)
            };
            call(20_000)?;
            call(300_000)?
        };
        fs::write(self.folder.join("answer"), "x".repeat(ANSWER))?;
        let floor = {
            // The same request, so that both servers read as much.
            let server = peers::nghttpd(self.folder)?;
            let call =
                |requests| h2("/answer", Some(self.get_user.as_path()), requests).run(&server);
            call(20_000)?;
            call(300_000)?
        };
        let predecessor = {
            let server = peers::predecessor(self.python, self.folder, &self.many)?;
            h2("/UserManager/GetUser", Some(self.get_user.as_path()), 5000).run(&server)?
        };
        row("soundstage", &ours);
        row("nghttpd, a file of the same size", &floor);
        row("predecessor's design (Python)", &predecessor);
        ratio(
            "soundstage / nghttpd",
            ours.micros() / floor.micros(),
            "at most 2.5",
        );
        Ok(())
    }

    fn grpc_web(&self) -> Result {
        println!("GetUser of {MANY} users, gRPC-Web over HTTP/1.1, 8 connections");
        let script = self.folder.join("grpc_web.lua");
        fs::write(
            &script,
            "wrk.method = 'POST'\n\
             wrk.headers['content-type'] = 'application/grpc-web+proto'\n\
             wrk.headers['x-grpc-web'] = '1'\n\
             wrk.body = '\\0\\0\\0\\0\\3\\8\\137\\6'\n",
        )?;
        let measure = |server: &Server| {
            wrk(server, &script, "/UserManager/GetUser", 1)?;
            wrk(server, &script, "/UserManager/GetUser", 5)
        };
        let ours = measure(&peers::soundstage(self.binary, self.folder, &self.many)?)?;
        // The message's frame, and that of the trailers.
        let floor = measure(&peers::nginx(
            self.folder,
            ANSWER + 5 + "grpc-status:0\r\n".len(),
        )?)?;
        row("soundstage", &ours);
        row("nginx, a constant of the same size", &floor);
        ratio(
            "soundstage / nginx",
            ours.micros() / floor.micros(),
            "at most 2.5",
        );
        Ok(())
    }

    fn stream(&self) -> Result {
        println!("GetUsersByType, {MANY} messages a call, native gRPC");
        let h2 = |path, body, requests| H2 {
            path,
            body,
            requests,
            connections: 1,
            in_flight: 1,
        };
        let (ours, grown) = {
            let server = peers::soundstage(self.binary, self.folder, &self.many)?;
            let call = |requests| {
                h2(
                    "/UserManager/GetUsersByType",
                    Some(self.of_type.as_path()),
                    requests,
                )
                .run(&server)
            };
            call(2)?;
            let before = server.memory()?;
            let cost = call(30)?.per_message(MANY);
            (cost, server.memory()?.saturating_sub(before))
        };
        let message = fs::metadata(&self.many)?.len() / MANY / 2;
        fs::write(
            self.folder.join("stream"),
            "x".repeat((message * MANY) as usize),
        )?;
        let floor = {
            let server = peers::nghttpd(self.folder)?;
            h2("/stream", None, 30).run(&server)?.per_message(MANY)
        };
        let predecessor = {
            let server = peers::predecessor(self.python, self.folder, &self.many)?;
            h2(
                "/UserManager/GetUsersByType",
                Some(self.of_type.as_path()),
                1,
            )
            .run(&server)?
            .per_message(MANY)
        };
        row("soundstage", &ours);
        row("nghttpd, a file of about as many bytes", &floor);
        row("predecessor's design (Python)", &predecessor);
        println!(
            "  {:<42} {:>8.3} us  (wanted: at most 0.4)",
            "soundstage, CPU a message",
            ours.micros()
        );
        println!(
            "  {:<42} {:>8.1} MB  (wanted: flat)\n",
            "memory grown over 3,000,000 messages",
            grown as f64 / 1e6
        );
        Ok(())
    }

    fn add(&self) -> Result {
        println!("AddUser, durable, 64 callers; time from one to the next");
        let h2 = |requests| H2 {
            path: "/UserManager/AddUser",
            body: Some(&self.add_user),
            requests,
            connections: 8,
            in_flight: 8,
        };
        let ours =
            |seed: &Path| h2(20_000).run(&peers::soundstage(self.binary, self.folder, seed)?);
        let predecessors =
            |seed: &Path, adds| h2(adds).run(&peers::predecessor(self.python, self.folder, seed)?);
        let (small, large) = (ours(&self.few)?, ours(&self.many)?);
        let (their_small, their_large) =
            (predecessors(&self.few, 64)?, predecessors(&self.many, 16)?);
        row(&format!("soundstage, {FEW} users"), &small);
        row(&format!("soundstage, {MANY} users"), &large);
        row(&format!("predecessor's design, {FEW} users"), &their_small);
        row(&format!("predecessor's design, {MANY} users"), &their_large);
        ratio(
            "soundstage, large / small",
            large.micros_elapsed() / small.micros_elapsed(),
            "about 1",
        );
        ratio(
            "soundstage, large / small, CPU",
            large.micros() / small.micros(),
            "about 1",
        );
        ratio(
            "predecessor, large / small",
            their_large.micros_elapsed() / their_small.micros_elapsed(),
            "for comparison",
        );
        Ok(())
    }
}

/// Bytes of `GetUser`'s answer in its frame: 5, and a message of 47.
const ANSWER: usize = 52;

/// A file of users in the predecessor's format.
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

/// A message shorter than 256 bytes in its gRPC frame.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, message.len() as u8], message].concat()
}

fn row(name: &str, cost: &Cost) {
    let (micros, elapsed, rate) = (cost.micros(), cost.micros_elapsed(), cost.rate());
    println!("  {name:<42} {micros:>8.2} us CPU  {elapsed:>10.2} us elapsed  {rate:>10.0} /s");
}

fn ratio(name: &str, value: f64, wanted: &str) {
    println!("  {name:<42} {value:>8.2}     (wanted: {wanted})\n");
}
