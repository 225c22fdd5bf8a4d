//! Recordings: where the character was, an object a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Where the character was at some time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Moment {
    /// Milliseconds since the recording began.
    pub(super) time_ms: u64,
    /// Metres forward, left and up.
    pub(super) x: f32,
    pub(super) y: f32,
    #[serde(default)]
    pub(super) z: f32,
}

/// Reads a whole recording; `-` is standard input. Every line is checked before anything is done with the first.
pub(super) fn read(path: &Path) -> Result<Vec<Moment>, Failure> {
    if path == Path::new("-") {
        return parse(path, io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| Failure::file(path, error))?;
    parse(path, BufReader::new(file))
}

fn parse(path: &Path, lines: impl BufRead) -> Result<Vec<Moment>, Failure> {
    let mut moments: Vec<Moment> = Vec::new();
    for (index, line) in lines.lines().enumerate() {
        let line = line.map_err(|error| Failure::file(path, error))?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |what: String| {
            let place = path.display();
            Failure::BadInput(format!("{place}: line {}: {what}", index + 1))
        };
        let moment: Moment = serde_json::from_str(&line).map_err(|error| {
            wrong(format!(
                "{error}; a line is an object with time_ms, x, y and z"
            ))
        })?;
        if ![moment.x, moment.y, moment.z]
            .iter()
            .all(|metres| metres.is_finite())
        {
            return Err(wrong("a place is a finite number of metres".into()));
        }
        if moments
            .last()
            .is_some_and(|last| last.time_ms > moment.time_ms)
        {
            return Err(wrong("time_ms goes backwards".into()));
        }
        moments.push(moment);
    }
    if moments.is_empty() {
        return Err(Failure::BadInput(format!(
            "{}: nothing is recorded there",
            path.display()
        )));
    }
    Ok(moments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Moment>, String> {
        parse(Path::new("r.ndjson"), text.as_bytes()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn lines_are_read_and_wrong_ones_named() {
        let good = "{\"time_ms\":0,\"x\":1,\"y\":0}\n\n{\"time_ms\":100,\"x\":0.5,\"y\":-1,\"z\":2,\"more\":true}\n";
        let moments = parsed(good).expect("a recording");
        assert_eq!(
            moments[1],
            Moment {
                time_ms: 100,
                x: 0.5,
                y: -1.0,
                z: 2.0
            }
        );
        for (text, place) in [
            ("", "nothing"),
            ("{\"time_ms\":0,\"x\":1}\n", "line 1"),
            (
                "{\"time_ms\":5,\"x\":1,\"y\":0}\n{\"time_ms\":4,\"x\":1,\"y\":0}",
                "line 2",
            ),
            ("{\"time_ms\":0,\"x\":1e99,\"y\":0}", "line 1"),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.contains(place), "{error}");
        }
    }
}
