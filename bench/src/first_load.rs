//! `first-load`: the bytes and the times of the first load of the page, in Chromium with a slow processor and network.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::calls::seed;
use crate::peers;
use crate::process::{Server, free_port};

/// Users in the large directory.
const LARGE: u64 = 100_000;

/// Measures and prints all figures. `script` opens the page.
pub(crate) fn run(binary: &Path, script: &Path, folder: &Path) -> Result {
    println!(
        "the users in Chromium: empty cache, processor slowed down 4 times, 10 Mbit/s, round trip of 40 ms; median of 5"
    );
    let port = free_port()?;
    let mut command = peers::serve_command(binary, port, &folder.join("new.db"));
    let server = peers::start_soundstage(&mut command, port)?;
    in_browser(script, "the first users", &server)?;
    drop(server);
    let users = folder.join("users.json");
    fs::write(&users, seed(LARGE))?;
    let server = peers::soundstage(binary, folder, &users)?;
    in_browser(script, "100,000 users", &server)
}

fn in_browser(script: &Path, name: &str, server: &Server) -> Result {
    println!("{name}:");
    let url = format!("http://127.0.0.1:{}", server.port);
    let status = Command::new("node").arg(script).arg(url).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", script.display()).into())
    }
}
