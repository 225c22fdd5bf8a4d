//! Reading a recording from a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use soundstage_formats::Recording;

use crate::failure::Failure;

/// Reads a whole recording; `-` is standard input. Every line is checked before anything is done with the first.
pub(super) fn read(path: &Path) -> Result<Recording, Failure> {
    if path == Path::new("-") {
        return parse(path, io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| Failure::file(path, error))?;
    parse(path, BufReader::new(file))
}

fn parse(path: &Path, lines: impl BufRead) -> Result<Recording, Failure> {
    let place = path.display();
    let mut recording = Recording::default();
    for (index, line) in lines.lines().enumerate() {
        let line = line.map_err(|error| Failure::file(path, error))?;
        let read = recording.read_line(&line);
        read.map_err(|error| Failure::BadInput(format!("{place}: line {}: {error}", index + 1)))?;
    }
    if recording.moments.is_empty() {
        return Err(Failure::BadInput(format!(
            "{place}: nothing is recorded there"
        )));
    }
    Ok(recording)
}
