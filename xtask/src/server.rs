//! `build` and `serve`.

use std::path::PathBuf;
use std::process::Command;

use crate::page::{self, Kind};
use crate::progress::{Task, side_by_side};
use crate::run::{Result, command, root, say};

const QUICK: &str = "quick";
const RELEASE: &str = "release";

/// Builds the release binary, which contains the page. Returns its path.
pub(crate) fn build() -> Result<PathBuf> {
    page::build(Kind::Release, |_| Ok(()))?;
    side_by_side(vec![("server", Box::new(|task| compile(task, RELEASE)))])?;
    Ok(binary(RELEASE))
}

/// Builds a binary without optimization, in a third of the time. Returns its path.
pub(crate) fn build_quickly() -> Result<PathBuf> {
    page::build(Kind::Quick, |task| compile(task, QUICK))?;
    // Once more, because the server contains the page. Only the last crates are compiled again.
    side_by_side(vec![("server", Box::new(|task| compile(task, QUICK)))])?;
    Ok(binary(QUICK))
}

/// Builds what has changed, and runs the server until it is stopped.
pub(crate) fn serve(options: &[String]) -> Result {
    // The existing binary tells that the developer has asked for the fast one.
    let binary = if binary(RELEASE).exists() {
        build()?
    } else {
        let binary = build_quickly()?;
        say(
            "    This is a quick build without optimization. `cargo xtask build` makes the fast one.",
        );
        binary
    };
    let mut server = Command::new(binary);
    become_process(server.arg("serve").args(options))
}

fn compile(task: &Task, profile: &str) -> Result {
    let mut cargo = command("cargo");
    cargo.args(["build", "--locked", "--package", "soundstage-cli"]);
    task.cargo(cargo.args(["--profile", profile]))
}

fn binary(profile: &str) -> PathBuf {
    root().join("target").join(profile).join("soundstage")
}

/// Replaces this process with the server, so that signals reach only the server.
#[cfg(unix)]
fn become_process(command: &mut Command) -> Result {
    use std::os::unix::process::CommandExt as _;
    Err(format!("cannot start the server: {}", command.exec()))
}

#[cfg(not(unix))]
fn become_process(command: &mut Command) -> Result {
    crate::run::run(command)
}
