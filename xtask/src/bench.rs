//! `bench`: measurements, printed; never a test.

use crate::run::{Result, command, root, run};
use crate::{server, tools};

/// Runs one benchmark by its name.
pub(crate) fn run_one(args: &[String]) -> Result {
    match args.first().map(String::as_str) {
        Some("calls") => calls(),
        _ => Err("name a benchmark:\n  calls  the server's CPU per call, beside nghttpd, nginx and the predecessor's design".into()),
    }
}

fn calls() -> Result {
    tools::programs(&[
        ("h2load", "nghttp2-client"),
        ("nghttpd", "nghttp2-server"),
        ("nginx", "nginx-light"),
        ("wrk", "wrk"),
    ])?;
    let python = tools::python(&root().join("tests/interop/requirements.txt"))?;
    let binary = server::build()?;
    run(command("cargo")
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "soundstage-bench",
            "--",
            "calls",
        ])
        .arg(binary)
        .arg(python))
}
