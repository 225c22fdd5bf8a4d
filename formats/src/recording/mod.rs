//! Recordings of the stage, an object a line:
//!
//! ```json
//! {"time_ms":0,"character":2,"name":"Ann","x":1,"y":0,"z":0}
//! {"time_ms":90,"character":2,"left":true}
//! ```
//!
//! Lines without a character are about the default one.

mod player;
mod recorder;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::Join;

pub use player::Player;
pub use recorder::Recorder;

/// Somebody in a recording, from coming to leaving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The id that it was recorded with; `None` and 1 are the default character.
    pub character: Option<u32>,
    /// Its name, if it is recorded.
    pub name: String,
}

/// Something that happened at some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Milliseconds since the recording began.
    pub time_ms: u64,
    /// Whom it happened to: which of [`Recording::parts`].
    pub part: usize,
    /// Metres forward, left and up; `None` when it left.
    pub place: Option<[f32; 3]>,
}

/// A recording: who moved, and when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Everybody in it, in the order in which they came.
    pub parts: Vec<Part>,
    /// What happened, in order of time.
    pub moments: Vec<Moment>,
    /// Which part each character plays, while it is on the stage.
    playing: HashMap<Option<u32>, usize>,
}

/// Why a line is not of a recording: a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// It is no such object.
    #[error("{0}; a line is an object with time_ms, x, y and z")]
    Syntax(String),
    /// A coordinate is too large, say.
    #[error("a place is a finite number of metres")]
    NotFinite,
    /// It is earlier than the line before it.
    #[error("time_ms goes backwards")]
    Backwards,
}

/// A line as it stands in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    character: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    z: Option<f32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    left: bool,
}

impl Recording {
    /// Takes the next line of the file; an empty one is passed over.
    ///
    /// # Errors
    /// When it is none of a recording.
    pub fn read_line(&mut self, text: &str) -> Result<(), RecordingError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let line: Line = serde_json::from_str(text)
            .map_err(|error| RecordingError::Syntax(error.to_string()))?;
        let missing = |name| RecordingError::Syntax(format!("missing field `{name}`"));
        let time_ms = line.time_ms.ok_or_else(|| missing("time_ms"))?;
        let place = if line.left {
            None
        } else {
            let x = line.x.ok_or_else(|| missing("x"))?;
            let y = line.y.ok_or_else(|| missing("y"))?;
            Some([x, y, line.z.unwrap_or_default()])
        };
        if !place.iter().flatten().all(|metres| metres.is_finite()) {
            return Err(RecordingError::NotFinite);
        }
        if self
            .moments
            .last()
            .is_some_and(|last| last.time_ms > time_ms)
        {
            return Err(RecordingError::Backwards);
        }
        let part = *self.playing.entry(line.character).or_insert_with(|| {
            self.parts.push(Part {
                character: line.character,
                name: line.name,
            });
            self.parts.len() - 1
        });
        if line.left {
            self.playing.remove(&line.character);
        }
        self.moments.push(Moment {
            time_ms,
            part,
            place,
        });
        Ok(())
    }

    /// What lets those come to the stage who are not there already.
    pub fn joins(&self) -> Vec<Join> {
        let joins = self.newcomers().map(|(_, name)| Join {
            name,
            ..Join::default()
        });
        joins.collect()
    }

    /// The ids of all parts on the stage, given those that the joins were answered with, in their order.
    pub fn ids(&self, own: &[u32]) -> Vec<u32> {
        let mut ids = vec![DEFAULT_CHARACTER; self.parts.len()];
        for ((part, _), id) in self.newcomers().zip(own) {
            ids[part] = *id;
        }
        ids
    }

    /// Those who come to the stage for it, each with a name; the default character is there already.
    fn newcomers(&self) -> impl Iterator<Item = (usize, String)> {
        let parts = self.parts.iter().enumerate();
        let newcomers = parts.filter(|(_, part)| !part.is_default());
        newcomers.map(|(index, part)| match part.name.as_str() {
            "" => {
                let id = part.character.unwrap_or_default();
                (index, format!("Character {id}"))
            }
            name => (index, name.to_owned()),
        })
    }

    /// The moments of one part, which ends before it leaves.
    pub fn of(&self, part: usize) -> impl Iterator<Item = (u64, [f32; 3])> {
        let moments = self
            .moments
            .iter()
            .filter(move |moment| moment.part == part);
        moments.filter_map(|moment| Some((moment.time_ms, moment.place?)))
    }
}

impl Part {
    /// Whether it is the default character.
    pub fn is_default(&self) -> bool {
        self.character.is_none_or(|id| id == DEFAULT_CHARACTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn read(text: &str) -> Result<Recording, (usize, RecordingError)> {
        let mut recording = Recording::default();
        for (index, line) in text.lines().enumerate() {
            recording
                .read_line(line)
                .map_err(|error| (index + 1, error))?;
        }
        Ok(recording)
    }

    #[test]
    fn lines_are_read_and_wrong_ones_named() {
        let good = "{\"time_ms\":0,\"x\":1,\"y\":0}\n\n{\"time_ms\":100,\"x\":0.5,\"y\":-1,\"z\":2,\"more\":true}\n";
        let moments = read(good).expect("a recording").moments;
        assert_eq!(moments[1].place, Some([0.5, -1.0, 2.0]));
        for (text, line, what) in [
            ("{\"time_ms\":0,\"x\":1}\n", 1, "missing field `y`"),
            (
                "{\"time_ms\":5,\"x\":1,\"y\":0}\n{\"time_ms\":4,\"x\":1,\"y\":0}",
                2,
                "backwards",
            ),
            ("{\"time_ms\":0,\"x\":1e99,\"y\":0}", 1, "finite"),
            ("[]", 1, "an object"),
        ] {
            let (at, error) = read(text).expect_err(text);
            assert_eq!(at, line);
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
