//! The time from the start of the process until it listens and until it serves users.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Result;
use crate::compare::{Compared, Median, median};
use crate::peers;
use crate::process::{Server, free_port};

/// Starts of which the median counts.
const ROUNDS: usize = 5;

/// Times in milliseconds.
struct Times {
    listening: f64,
    serving: f64,
}

impl Median for Times {
    fn median(results: &[Self]) -> Self {
        Self {
            listening: median(results, |times| times.listening),
            serving: median(results, |times| times.serving),
        }
    }
}

/// Measures the binaries with a new database, which has the first users, and with the databases of `large`, which it stops.
pub(super) fn measure(
    binaries: &Compared<PathBuf>,
    large: Compared<Server>,
    folder: &Path,
) -> Result {
    println!("start of the process, with an existing database, median of {ROUNDS}");
    let database = |server: &Server| Ok(folder.join(format!("{}.db", server.port)));
    let databases = large.each(database)?;
    drop(large);
    let row = |name: &str, binary: &Path, database: &Path| -> Result {
        let times = starts(binary, database)?;
        println!(
            "  {name:<44} listens after {:.0} ms, serves after {:.0} ms",
            times.listening, times.serving
        );
        Ok(())
    };
    let mut number = 0;
    binaries.each(|binary| {
        number += 1;
        let new = folder.join(format!("new-{number}.db"));
        start(binary, &new)?;
        row("6 users", binary, &new)
    })?;
    row("a million users", &binaries.current, &databases.current)?;
    if let (Some(binary), Some(database)) = (&binaries.baseline, &databases.baseline) {
        row("a million users, baseline", binary, database)?;
    }
    println!();
    Ok(())
}

fn starts(binary: &Path, database: &Path) -> Result<Times> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(start(binary, database)?);
    }
    Ok(Times::median(&times))
}

fn start(binary: &Path, database: &Path) -> Result<Times> {
    let port = free_port()?;
    let mut command = peers::serve_command(binary, port, database);
    let since = Instant::now();
    let server = Server::start(&mut command, port)?;
    let listening = since.elapsed().as_secs_f64() * 1e3;
    peers::wait_until_serving(server.port)?;
    Ok(Times {
        listening,
        serving: since.elapsed().as_secs_f64() * 1e3,
    })
}
