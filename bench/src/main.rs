//! Measurements beside floors and peers, in one run: `cargo xtask bench` lists them.
//!
//! In `calls`, what counts is the server's CPU time for a request, and its ratio to that of a floor doing as little as can be: the load
//! generators share the machine, so requests per second say less.

mod calls;
mod directory;
mod encodes_for_each;
mod load;
mod peers;
mod process;
mod round_trips;
mod stage;

use std::path::{Path, PathBuf};

/// What went wrong, as a sentence.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    let mut args = std::env::args().skip(1);
    let names = (args.next(), args.next(), args.next());
    match (names.0.as_deref(), names.1, names.2) {
        // What `stage` starts itself.
        (Some("encodes-for-each"), Some(port), None) => encodes_for_each::serve(port.parse()?),
        (Some("stage"), Some(server), Some(python)) => {
            let script = PathBuf::from(args.next().ok_or("name the script")?);
            in_a_folder(|folder| {
                stage::run(
                    &PathBuf::from(server),
                    &PathBuf::from(python),
                    &script,
                    folder,
                )
            })
        }
        (Some("calls"), Some(server), Some(python)) => in_a_folder(|folder| {
            calls::run(&PathBuf::from(server), &PathBuf::from(python), folder)
        }),
        (Some("round-trips"), Some(server), Some(script)) => in_a_folder(|folder| {
            round_trips::run(&PathBuf::from(server), &PathBuf::from(script), folder)
        }),
        (Some("directory"), Some(server), Some(script)) => in_a_folder(|folder| {
            directory::run(&PathBuf::from(server), &PathBuf::from(script), folder)
        }),
        _ => Err("usage: soundstage-bench calls SERVER PYTHON | round-trips SERVER SCRIPT | directory SERVER SCRIPT | stage SERVER PYTHON SCRIPT".into()),
    }
}

/// Measures with a folder for what that needs.
fn in_a_folder(measure: impl FnOnce(&Path) -> Result) -> Result {
    let folder = std::env::temp_dir().join(format!("soundstage-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = measure(&folder);
    // What may be left behind is in the system's folder for that.
    let _ = std::fs::remove_dir_all(&folder);
    result
}
