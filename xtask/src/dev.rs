//! `dev`: builds and restarts the server when a source changes.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use crate::page::newest_change;
use crate::run::{Result, root};
use crate::server;

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

/// Runs until interrupted.
pub(crate) fn watch(options: &[String]) -> Result {
    let mut running = Server { child: None };
    loop {
        let started = SystemTime::now();
        // After a compile error the next change builds again.
        match server::build_quickly() {
            Ok(binary) => running.start(&binary, options)?,
            Err(error) => eprintln!("xtask: {error}"),
        }
        while newest()? <= started {
            std::thread::sleep(Duration::from_millis(300));
        }
        running.stop();
    }
}

/// Returns the time of the last change of any source.
fn newest() -> Result<SystemTime> {
    let mut changes = SOURCES
        .iter()
        .map(|source| newest_change(&root().join(source)));
    changes.try_fold(SystemTime::UNIX_EPOCH, |newest, changed| {
        Ok(newest.max(changed?))
    })
}

/// The running server, which ends when the value is dropped.
struct Server {
    child: Option<Child>,
}

impl Server {
    fn start(&mut self, binary: &Path, options: &[String]) -> Result {
        let child = Command::new(binary).arg("serve").args(options).spawn();
        self.child = Some(child.map_err(|error| format!("cannot start the server: {error}"))?);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The server may have ended by itself. All acknowledged changes are on disk in both cases.
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
