//! The recording that is made of the stage.

use std::collections::BTreeMap;

use soundstage_files::{Part, recording_line};
use soundstage_proto::position::{Pos, StageUpdate};

/// A longer recording than this, in lines, is better made on the command line.
const MOST_LINES: u32 = 500_000;

/// The recording that is being made.
#[derive(Default)]
pub(super) struct Tape {
    /// While it runs: when it began, in milliseconds.
    start: Option<f64>,
    parts: BTreeMap<u32, Part>,
    /// Lines, many in one text.
    texts: Vec<String>,
    lines: u32,
}

impl Tape {
    /// Notes what has arrived. Who is on the stage is known from before the recording began.
    pub(super) fn note(&mut self, now: f64, update: &StageUpdate) {
        for character in &update.characters {
            let part = Part {
                character: Some(character.id),
                name: character.name.clone(),
            };
            self.parts.insert(character.id, part);
        }
        let Some(start) = self.start.filter(|_| self.lines < MOST_LINES) else {
            return;
        };
        let time_ms = (now - start).max(0.0) as u64;
        let mut text = String::new();
        let mut add = |part: Option<&Part>, place| {
            if let Some(part) = part {
                text += &recording_line(part, time_ms, place);
                text.push('\n');
                self.lines += 1;
            }
        };
        for sample in &update.samples {
            let place = sample.position.map(|Pos { x, y, z }| [x, y, z]);
            add(self.parts.get(&sample.character), place);
        }
        for id in &update.left {
            add(self.parts.remove(id).as_ref(), None);
        }
        self.texts.push(text);
    }

    pub(super) fn begin(&mut self, now: f64) {
        self.start = Some(now);
        self.lines = 0;
        self.texts.clear();
    }

    /// How many lines it has.
    pub(super) fn lines(&self) -> u32 {
        self.lines
    }

    /// Ends the recording; its text.
    pub(super) fn end(&mut self) -> Vec<String> {
        self.start = None;
        std::mem::take(&mut self.texts)
    }
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::{Character, Sample};

    use super::*;

    #[test]
    fn a_recording_knows_who_was_there_before_it_began() {
        let mut tape = Tape::default();
        let named = StageUpdate {
            characters: vec![Character {
                id: 2,
                name: "Ann".into(),
                ..Character::default()
            }],
            ..StageUpdate::default()
        };
        tape.note(1000.0, &named);
        tape.begin(1500.0);
        let sample = |character| Sample {
            character,
            position: Some(Pos {
                x: 1.0,
                y: 2.0,
                z: 0.0,
            }),
            ..Sample::default()
        };
        let moved = StageUpdate {
            samples: vec![sample(2), sample(9)],
            left: vec![2],
            ..StageUpdate::default()
        };
        tape.note(1600.0, &moved);
        assert_eq!(tape.lines(), 2, "nobody has named the other one");
        let expected = concat!(
            r#"{"time_ms":100,"character":2,"name":"Ann","x":1.0,"y":2.0,"z":0.0}"#,
            "\n",
            r#"{"time_ms":100,"character":2,"name":"Ann","left":true}"#,
            "\n"
        );
        assert_eq!(tape.end().concat(), expected);
        tape.note(1700.0, &moved);
        assert_eq!(tape.end(), Vec::<String>::new(), "it has ended");
    }
}
