//! `bench`: prints measurements, and never fails because of them.

use std::process::Command;

use crate::run::{Result, command, root, run};
use crate::{peers, server, test, tools};

/// Runs a benchmark by name.
pub(crate) fn run_one(args: &[String]) -> Result {
    match args.first().map(String::as_str) {
        Some("calls") => calls(),
        Some("round-trips") => round_trips(),
        Some("first-load") => first_load(),
        Some("directory") => directory(),
        Some("stage") => stage(),
        Some("attack") => run(bench("attack").arg(server::build()?).args(&args[1..])),
        _ => Err("usage: cargo xtask bench NAME\n\n  \
             calls        CPU time per call, beside nghttpd, nginx, grpc-go, gRPC C++, tonic and the predecessor's design\n  \
             round-trips  a bidirectional call from Chromium over a WebSocket, beside a bare WebSocket and a native client\n  \
             first-load   the page in Chromium with a slow processor and network: bytes, first rows, time to interactive\n  \
             directory    a million users beside a thousand: import, pages, searches, streams, adds, the page, the start\n  \
             stage        1,000 subscribers to 100 characters, beside bare tonic and Python; 1,000 characters in Chromium\n  \
             attack       a client's calls and the server's memory while another client attacks: searches, unread\n               \
                          streams, idle connections, floods, an unread log, watchers. Takes 4 minutes;\n               \
                          `attack NAME...` runs the attacks whose names contain a NAME\n\n\
             SOUNDSTAGE_BASELINE=/path/to/soundstage compares another binary in the same run of calls, directory or stage"
            .into()),
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
    let peers = peers::build()?;
    run(bench("calls").arg(server::build()?).arg(python).arg(peers))
}

fn round_trips() -> Result {
    let chromium = tools::chromium()?;
    tools::npm_packages(&root().join("tests/browser"))?;
    test::calls_from_wasm()?;
    let script = root().join("tests/browser/round-trips.js");
    run(bench("round-trips")
        .arg(server::build()?)
        .arg(script)
        .env("CHROMIUM", chromium))
}

fn first_load() -> Result {
    let chromium = tools::chromium()?;
    tools::npm_packages(&root().join("tests/browser"))?;
    let script = root().join("tests/browser/first-load.js");
    run(bench("first-load")
        .arg(server::build()?)
        .arg(script)
        .env("CHROMIUM", chromium))
}

fn directory() -> Result {
    tools::programs(&[("h2load", "nghttp2-client")])?;
    let chromium = tools::chromium()?;
    tools::npm_packages(&root().join("tests/browser"))?;
    let script = root().join("tests/browser/directory.js");
    run(bench("directory")
        .arg(server::build()?)
        .arg(script)
        .env("CHROMIUM", chromium))
}

fn stage() -> Result {
    let python = tools::python(&root().join("tests/interop/requirements.txt"))?;
    let chromium = tools::chromium()?;
    tools::npm_packages(&root().join("tests/browser"))?;
    let script = root().join("tests/browser/stage.js");
    run(bench("stage")
        .arg(server::build()?)
        .arg(python)
        .arg(script)
        .env("CHROMIUM", chromium))
}

/// Returns a command that builds the benchmarks optimized and runs the benchmark `name`.
fn bench(name: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "soundstage-bench",
    ]);
    cargo.args(["--", name]);
    cargo
}
