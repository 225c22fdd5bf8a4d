//! A recording that is made.

use std::collections::BTreeMap;

use soundstage_proto::position::{Pos, StageUpdate};

use super::{Line, Part};

/// Makes a recording out of what the stage sends.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Who is on the stage.
    parts: BTreeMap<u32, Part>,
}

impl Recorder {
    /// Notes who is on the stage, of an update that is not recorded.
    pub fn pass(&mut self, update: &StageUpdate) {
        self.name(update);
        self.forget(update);
    }

    /// The lines that an update comes to, without their ends.
    pub fn lines(&mut self, time_ms: u64, update: &StageUpdate) -> Vec<String> {
        if let Some(position) = update.position {
            let part = Part {
                character: None,
                name: String::new(),
            };
            return vec![line(&part, time_ms, Some(position))];
        }
        self.name(update);
        let samples = update.samples.iter().filter_map(|sample| {
            let part = self.parts.get(&sample.character)?;
            Some(line(part, time_ms, sample.position))
        });
        let mut lines: Vec<_> = samples.collect();
        let left = self.forget(update);
        lines.extend(left.iter().map(|part| line(part, time_ms, None)));
        lines
    }

    fn name(&mut self, update: &StageUpdate) {
        for character in &update.characters {
            let part = Part {
                character: Some(character.id),
                name: character.name.clone(),
            };
            self.parts.insert(character.id, part);
        }
    }

    /// Forgets who has left, and says who that was.
    fn forget(&mut self, update: &StageUpdate) -> Vec<Part> {
        let gone = update.gone(self.parts.keys().copied());
        let gone = gone.iter().filter_map(|id| self.parts.remove(id));
        gone.collect()
    }
}

/// The line of a part that is somewhere at some time, or has left.
fn line(part: &Part, time_ms: u64, place: Option<Pos>) -> String {
    let line = Line {
        time_ms: Some(time_ms),
        character: part.character,
        name: part.name.clone(),
        x: place.map(|place| place.x),
        y: place.map(|place| place.y),
        z: place.map(|place| place.z),
        left: place.is_none(),
    };
    // Numbers and text are JSON, whichever they are.
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::{Character, Sample};

    use super::super::tests::read;
    use super::*;

    const X: Pos = Pos {
        x: 1.0,
        y: -0.5,
        z: 0.25,
    };

    fn named(id: u32, name: &str) -> StageUpdate {
        let character = Character {
            id,
            name: name.into(),
            ..Character::default()
        };
        StageUpdate {
            characters: vec![character],
            ..StageUpdate::default()
        }
    }

    fn moved(ids: &[u32]) -> StageUpdate {
        let samples = ids.iter().map(|id| Sample {
            character: *id,
            position: Some(X),
            ..Sample::default()
        });
        StageUpdate {
            samples: samples.collect(),
            ..StageUpdate::default()
        }
    }

    #[test]
    fn a_recording_knows_who_was_there_before_it_began() {
        let mut recorder = Recorder::default();
        recorder.pass(&named(2, "Ann"));
        let update = StageUpdate {
            left: vec![2],
            ..moved(&[2, 9])
        };
        let ann = [
            r#"{"time_ms":100,"character":2,"name":"Ann","x":1.0,"y":-0.5,"z":0.25}"#,
            r#"{"time_ms":100,"character":2,"name":"Ann","left":true}"#,
        ];
        assert_eq!(recorder.lines(100, &update), ann, "nobody has named 9");
        assert!(recorder.lines(200, &update).is_empty(), "it has left");
    }

    #[test]
    fn whom_a_complete_update_does_not_name_has_left() {
        let mut recorder = Recorder::default();
        recorder.pass(&named(2, "Ann"));
        recorder.pass(&named(3, "Bob"));
        let complete = StageUpdate {
            complete: true,
            ..named(3, "Bob")
        };
        let left = [r#"{"time_ms":5,"character":2,"name":"Ann","left":true}"#];
        assert_eq!(recorder.lines(5, &complete), left);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut recorder = Recorder::default();
        let name = "Ann \"the\" 安";
        recorder.pass(&named(2, name));
        let update = StageUpdate {
            left: vec![2],
            ..moved(&[2])
        };
        let mut lines = recorder.lines(0, &update);
        let default = StageUpdate {
            position: Some(X),
            ..StageUpdate::default()
        };
        lines.extend(recorder.lines(5, &default));
        recorder.pass(&named(2, name));
        lines.extend(recorder.lines(95, &moved(&[2])));
        let recording = read(&lines.join("\n")).expect("a recording");
        let ann = Part {
            character: Some(2),
            name: name.into(),
        };
        let nobody = Part {
            character: None,
            name: String::new(),
        };
        assert_eq!(recording.parts, [ann.clone(), nobody, ann]);
        let parts: Vec<_> = recording.moments.iter().map(|moment| moment.part).collect();
        assert_eq!(parts, [0, 0, 1, 2]);
        assert_eq!(
            recording.of(0).collect::<Vec<_>>(),
            [(0, [1.0, -0.5, 0.25])]
        );
    }
}
