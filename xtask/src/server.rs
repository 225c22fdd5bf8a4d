//! `build` and `serve`.

use std::path::PathBuf;
use std::process::Command;

use crate::page::{self, Kind};
use crate::run::{Result, command, root, run, step};

/// The release binary, with the page inside.
pub(crate) fn build() -> Result<PathBuf> {
    page::build(Kind::Release)?;
    step("Building the server (the first time: some minutes)", || {
        run(command("cargo").args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "soundstage-cli",
        ]))
    })?;
    Ok(root().join("target/release/soundstage"))
}

/// Builds what has changed, and runs the server until it is stopped.
pub(crate) fn serve(options: &[String]) -> Result {
    let binary = build()?;
    let mut server = Command::new(binary);
    become_process(server.arg("serve").args(options))
}

/// Lets the server take this process's place, so that signals reach it alone.
#[cfg(unix)]
fn become_process(command: &mut Command) -> Result {
    use std::os::unix::process::CommandExt as _;
    Err(format!("the server cannot be started: {}", command.exec()))
}

#[cfg(not(unix))]
fn become_process(command: &mut Command) -> Result {
    run(command)
}
