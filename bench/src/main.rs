//! Measurements beside floors and peers, in one run: `cargo xtask bench` lists them.
//!
//! In `calls`, what counts is the server's CPU time for a request, and its ratio to that of a floor doing as little as can be: the load
//! generators share the machine, so requests per second say less.

mod calls;
mod directory;
mod load;
mod peers;
mod process;
mod round_trips;

use std::path::PathBuf;

/// What went wrong, as a sentence.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next(), args.next()) {
        (Some("calls"), Some(server), Some(python)) => {
            calls::run(&PathBuf::from(server), &PathBuf::from(python))
        }
        (Some("round-trips"), Some(server), Some(script)) => {
            round_trips::run(&PathBuf::from(server), &PathBuf::from(script))
        }
        (Some("directory"), Some(server), Some(script)) => {
            directory::run(&PathBuf::from(server), &PathBuf::from(script))
        }
        _ => Err("usage: soundstage-bench calls SERVER PYTHON | round-trips SERVER SCRIPT | directory SERVER SCRIPT".into()),
    }
}
