//! Benchmarks beside floors and peers, in one run: `cargo xtask bench` lists them.
//!
//! In `calls`, the measure is the server's CPU time per request, and its ratio to that of a minimal server. Requests
//! per second say less, because the load generators run on the same machine.

mod attack;
mod bare_hyper;
mod calls;
mod compare;
mod directory;
mod echo;
mod encodes_for_each;
mod first_load;
mod in_memory;
mod load;
mod peers;
mod process;
mod round_trips;
mod stage;

use std::path::{Path, PathBuf};

use compare::Binaries;

/// The error is a sentence for the developer.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: soundstage-bench calls SERVER PYTHON PEERS | round-trips SERVER SCRIPT | \
    first-load SERVER SCRIPT | directory SERVER SCRIPT | stage SERVER PYTHON SCRIPT | attack SERVER [NAME]...";

fn main() -> Result {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        // Peers, which the benchmarks `stage`, `calls` and `round-trips` start.
        ["encodes-for-each", port] => return encodes_for_each::serve(port.parse()?),
        ["echo", port] => return echo::serve(port.parse()?),
        ["bare-hyper", port, bytes] => return bare_hyper::serve(port.parse()?, bytes.parse()?),
        ["in-memory", port, users] => return in_memory::serve(port.parse()?, users.parse()?),
        _ => {}
    }
    let (name, server, paths) = match &args[..] {
        [name, server, paths @ ..] => (*name, server, paths),
        _ => return Err(USAGE.into()),
    };
    let binaries = Binaries::new(PathBuf::from(server));
    let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
    in_temporary_folder(|folder| match (name, &paths[..]) {
        ("calls", [python, peers]) => calls::run(&binaries, python, peers, folder),
        ("round-trips", [script]) => round_trips::run(&binaries.current, script, folder),
        ("first-load", [script]) => first_load::run(&binaries.current, script, folder),
        ("directory", [script]) => directory::run(&binaries, script, folder),
        ("stage", [python, script]) => stage::run(&binaries, python, script, folder),
        ("attack", parts) => attack::run(&binaries.current, parts, folder),
        _ => Err(USAGE.into()),
    })
}

/// Runs a benchmark with a folder for its files.
fn in_temporary_folder(benchmark: impl FnOnce(&Path) -> Result) -> Result {
    let folder = std::env::temp_dir().join(format!("soundstage-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = benchmark(&folder);
    // A failure leaves files in the system's temporary folder.
    let _ = std::fs::remove_dir_all(&folder);
    result
}
