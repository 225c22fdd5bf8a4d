//! `dev`: the server, built and started again when a source changes.

use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use crate::page::{self, Kind, newest_change};
use crate::run::{Result, command, root, run, step};

const SOURCES: [&str; 10] = [
    "web",
    "channel",
    "formats",
    "proto",
    "server",
    "sound",
    "cli",
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
];

/// Runs until it is interrupted.
pub(crate) fn watch(options: &[String]) -> Result {
    let mut server = Server { child: None };
    loop {
        let started = SystemTime::now();
        // A source that does not compile is reported; the next change tries again.
        match build() {
            Ok(()) => server.start(options)?,
            Err(error) => eprintln!("xtask: {error}"),
        }
        while newest()? <= started {
            std::thread::sleep(Duration::from_millis(300));
        }
        server.stop();
    }
}

fn build() -> Result {
    page::build(Kind::Development)?;
    step("Building the server", || {
        run(command("cargo").args(["build", "--quiet", "--package", "soundstage-cli"]))
    })
}

fn newest() -> Result<SystemTime> {
    let mut changes = SOURCES
        .iter()
        .map(|source| newest_change(&root().join(source)));
    changes.try_fold(SystemTime::UNIX_EPOCH, |newest, changed| {
        Ok(newest.max(changed?))
    })
}

/// The running server; ends with us.
struct Server {
    child: Option<Child>,
}

impl Server {
    fn start(&mut self, options: &[String]) -> Result {
        let binary = root().join("target/debug/soundstage");
        let child = Command::new(binary).arg("serve").args(options).spawn();
        self.child = Some(child.map_err(|error| format!("the server cannot be started: {error}"))?);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself. What it has acknowledged is on disk either way.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
