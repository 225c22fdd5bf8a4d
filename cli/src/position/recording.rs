//! Reading a recording from a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use soundstage_formats::Recording;

use crate::failure::Failure;

/// Reads and checks a whole recording. The path `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Recording, Failure> {
    if path == Path::new("-") {
        return parse(path, io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| Failure::file(path, error))?;
    parse(path, BufReader::new(file))
}

fn parse(path: &Path, lines: impl BufRead) -> Result<Recording, Failure> {
    let mut recording = Recording::default();
    for (index, line) in lines.lines().enumerate() {
        let line = line.map_err(|error| Failure::file(path, error))?;
        recording.read_line(&line).map_err(|error| {
            Failure::InvalidInput(format!("{}: line {}: {error}", path.display(), index + 1))
        })?;
    }
    if recording.moments.is_empty() {
        return Err(Failure::InvalidInput(format!(
            "{}: the recording is empty",
            path.display()
        )));
    }
    Ok(recording)
}
