//! Recordings of the stage, one JSON object on each line:
//!
//! ```json
//! {"time_ms":0,"character":2,"name":"Ann","x":1,"y":0,"z":0}
//! {"time_ms":90,"character":2,"left":true}
//! ```
//!
//! A line without a character is about the default character.

mod player;
mod recorder;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::Join;

pub use player::Player;
pub use recorder::Recorder;

/// One character in a recording, from its first line until it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appearance {
    /// The id in the recording; `None` and 1 are the default character.
    pub character: Option<u32>,
    /// The name; empty if none is recorded.
    pub name: String,
}

/// A line of a recording: a character has moved or left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Milliseconds since the recording began.
    pub time_ms: u64,
    /// The character, as an index into [`Recording::appearances`].
    pub appearance: usize,
    /// Metres forward, left and up; `None` if the character has left.
    pub position: Option<[f32; 3]>,
}

/// A recording of characters that move.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Every appearance, in order of its first line.
    pub appearances: Vec<Appearance>,
    /// Every move and leave, in order of time.
    pub moments: Vec<Moment>,
    /// The current appearance of each character that has not left.
    on_stage: HashMap<Option<u32>, usize>,
}

/// The reason why a line is not part of a recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The line is not JSON, or a field is missing.
    #[error("{0}; write an object with time_ms, x, y and z on each line")]
    Syntax(String),
    /// A coordinate is infinite, for example because it exceeds the range of `f32`.
    #[error("a coordinate is not finite; write x, y and z in metres")]
    NotFinite,
    /// The line is earlier than the line before it.
    #[error("time_ms decreases; put the lines in order of time")]
    Backwards,
}

/// A line of the file.
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
    /// Reads the next line of the file. Skips an empty line.
    ///
    /// # Errors
    /// Returns an error if the line is not part of a recording.
    pub fn read_line(&mut self, text: &str) -> Result<(), RecordingError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let line: Line = serde_json::from_str(text)
            .map_err(|error| RecordingError::Syntax(error.to_string()))?;
        let missing = |name| RecordingError::Syntax(format!("missing field `{name}`"));
        let time_ms = line.time_ms.ok_or_else(|| missing("time_ms"))?;
        let position = if line.left {
            None
        } else {
            let x = line.x.ok_or_else(|| missing("x"))?;
            let y = line.y.ok_or_else(|| missing("y"))?;
            Some([x, y, line.z.unwrap_or_default()])
        };
        if !position.iter().flatten().all(|metres| metres.is_finite()) {
            return Err(RecordingError::NotFinite);
        }
        if self
            .moments
            .last()
            .is_some_and(|last| last.time_ms > time_ms)
        {
            return Err(RecordingError::Backwards);
        }
        let appearance = *self.on_stage.entry(line.character).or_insert_with(|| {
            self.appearances.push(Appearance {
                character: line.character,
                name: line.name,
            });
            self.appearances.len() - 1
        });
        if line.left {
            self.on_stage.remove(&line.character);
        }
        self.moments.push(Moment {
            time_ms,
            appearance,
            position,
        });
        Ok(())
    }

    /// Returns the joins that put every newcomer on the stage.
    pub fn joins(&self) -> Vec<Join> {
        let joins = self.newcomers().map(|(_, name)| Join {
            name,
            ..Join::default()
        });
        joins.collect()
    }

    /// Returns the id of each appearance on the stage, given the ids that the server assigned to [`Recording::joins`].
    pub fn ids(&self, own: &[u32]) -> Vec<u32> {
        let mut ids = vec![DEFAULT_CHARACTER; self.appearances.len()];
        for ((appearance, _), id) in self.newcomers().zip(own) {
            ids[appearance] = *id;
        }
        ids
    }

    /// Returns each appearance that must join the stage, with its name. The default character is always there.
    fn newcomers(&self) -> impl Iterator<Item = (usize, String)> {
        let appearances = self.appearances.iter().enumerate();
        let newcomers = appearances.filter(|(_, appearance)| !appearance.is_default());
        newcomers.map(|(index, appearance)| match appearance.name.as_str() {
            "" => {
                let id = appearance.character.unwrap_or_default();
                (index, format!("Character {id}"))
            }
            name => (index, name.to_owned()),
        })
    }

    /// Returns the positions of one appearance, each with its time in milliseconds.
    pub fn positions(&self, appearance: usize) -> impl Iterator<Item = (u64, [f32; 3])> {
        let moments = self
            .moments
            .iter()
            .filter(move |moment| moment.appearance == appearance);
        moments.filter_map(|moment| Some((moment.time_ms, moment.position?)))
    }
}

impl Appearance {
    /// Returns true for the default character.
    pub fn is_default(&self) -> bool {
        self.character.is_none_or(|id| id == DEFAULT_CHARACTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a whole recording. An error comes with the number of its line.
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
    fn an_error_names_its_line() {
        let good = "{\"time_ms\":0,\"x\":1,\"y\":0}\n\n{\"time_ms\":100,\"x\":0.5,\"y\":-1,\"z\":2,\"more\":true}\n";
        let moments = read(good).expect("a recording").moments;
        assert_eq!(moments[1].position, Some([0.5, -1.0, 2.0]));
        for (text, line, words) in [
            ("{\"time_ms\":0,\"x\":1}\n", 1, "missing field `y`"),
            (
                "{\"time_ms\":5,\"x\":1,\"y\":0}\n{\"time_ms\":4,\"x\":1,\"y\":0}",
                2,
                "decreases",
            ),
            ("{\"time_ms\":0,\"x\":1e99,\"y\":0}", 1, "finite"),
            ("[]", 1, "an object"),
        ] {
            let (actual_line, error) = read(text).expect_err(text);
            assert_eq!(actual_line, line);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
