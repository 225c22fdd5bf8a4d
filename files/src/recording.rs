//! Recordings of the stage, an object a line:
//!
//! ```json
//! {"time_ms":0,"character":2,"name":"Ann","x":1,"y":0,"z":0}
//! {"time_ms":90,"character":2,"left":true}
//! ```
//!
//! Lines without a character are about the default one.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use soundstage_proto::DEFAULT_CHARACTER;

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

/// The line, without its end, of a part at some time and place.
pub fn recording_line(part: &Part, time_ms: u64, place: Option<[f32; 3]>) -> String {
    let line = Line {
        time_ms: Some(time_ms),
        character: part.character,
        name: part.name.clone(),
        x: place.map(|[x, _, _]| x),
        y: place.map(|[_, y, _]| y),
        z: place.map(|[_, _, z]| z),
        left: place.is_none(),
    };
    // Numbers and text are JSON, whichever they are.
    serde_json::to_string(&line).unwrap_or_default()
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

    /// Those who come to the stage for it, each with a name; the default character is there already.
    pub fn newcomers(&self) -> impl Iterator<Item = (usize, String)> {
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

/// Plays a recording: says what is due, and when the next is. Times are milliseconds since the play began.
#[derive(Debug)]
pub struct Player<'a> {
    recording: &'a Recording,
    speed: f64,
    next: usize,
}

impl<'a> Player<'a> {
    /// At so many times the speed that it was recorded at.
    pub fn new(recording: &'a Recording, speed: f64) -> Self {
        Self {
            recording,
            speed,
            next: 0,
        }
    }

    /// When the next moment is due; `None` at the end.
    pub fn next_at(&self) -> Option<f64> {
        let next = self.recording.moments.get(self.next)?;
        Some(self.time(next))
    }

    /// What has become due: of each part the newest, since where it is now is what counts, each with its time.
    pub fn due(&mut self, now: f64) -> Vec<(f64, Moment)> {
        let mut due = BTreeMap::new();
        while let Some(next) = self.recording.moments.get(self.next)
            && self.time(next) <= now
        {
            due.insert(next.part, (self.time(next), *next));
            self.next += 1;
        }
        due.into_values().collect()
    }

    fn time(&self, moment: &Moment) -> f64 {
        let first = self.recording.moments.first();
        let first = first.map_or(0, |first| first.time_ms);
        (moment.time_ms - first) as f64 / self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_passes_over_what_is_overtaken() {
        let text = r#"{"time_ms":1000,"x":0,"y":0}
{"time_ms":1100,"x":1,"y":0}
{"time_ms":1100,"character":5,"x":9,"y":0}
{"time_ms":1200,"x":2,"y":0}
{"time_ms":2000,"character":5,"left":true}
"#;
        let recording = read(text).expect("a recording");
        let mut player = Player::new(&recording, 2.0);
        assert_eq!(player.next_at(), Some(0.0));
        assert_eq!(player.due(0.0).len(), 1);
        assert_eq!(player.next_at(), Some(50.0));
        let due = player.due(120.0);
        let places: Vec<_> = due.iter().map(|(at, moment)| (*at, moment.place)).collect();
        let expected = [
            (100.0, Some([2.0, 0.0, 0.0])),
            (50.0, Some([9.0, 0.0, 0.0])),
        ];
        assert_eq!(places, expected);
        assert_eq!(player.next_at(), Some(500.0));
        assert_eq!(player.due(500.0)[0].1.place, None);
        assert_eq!(player.next_at(), None);
        let newcomers: Vec<_> = recording.newcomers().collect();
        assert_eq!(newcomers, [(1, "Character 5".to_owned())]);
    }

    fn read(text: &str) -> Result<Recording, (usize, RecordingError)> {
        let mut recording = Recording::default();
        for (index, line) in text.lines().enumerate() {
            recording
                .read_line(line)
                .map_err(|error| (index + 1, error))?;
        }
        Ok(recording)
    }

    #[test]
    fn what_is_written_is_read() {
        let ann = Part {
            character: Some(2),
            name: "Ann \"the\" 安".into(),
        };
        let nobody = Part {
            character: None,
            name: String::new(),
        };
        let lines = [
            recording_line(&ann, 0, Some([1.0, -0.5, 0.25])),
            recording_line(&nobody, 5, Some([0.1, 0.0, 0.0])),
            recording_line(&ann, 90, None),
            recording_line(&ann, 95, Some([3.0, 0.0, 0.0])),
        ];
        assert_eq!(lines[1], r#"{"time_ms":5,"x":0.1,"y":0.0,"z":0.0}"#);
        let recording = read(&lines.join("\n")).expect("a recording");
        assert_eq!(recording.parts, [ann.clone(), nobody, ann]);
        let parts: Vec<_> = recording.moments.iter().map(|moment| moment.part).collect();
        assert_eq!(parts, [0, 1, 0, 2]);
        assert_eq!(
            recording.of(0).collect::<Vec<_>>(),
            [(0, [1.0, -0.5, 0.25])]
        );
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
