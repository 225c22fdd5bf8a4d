//! Making a recording.

use std::collections::BTreeMap;

use soundstage_proto::position::{Pos, StageUpdate};

use super::{Appearance, Line};

/// A recorder that turns the updates of the stage into lines.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The characters on the stage, by id.
    on_stage: BTreeMap<u32, Appearance>,
}

impl Recorder {
    /// Keeps track of the characters in an update without recording the update.
    pub fn observe(&mut self, update: &StageUpdate) {
        self.add_characters(update);
        self.remove_characters(update);
    }

    /// Returns the lines that record an update, without line ends.
    pub fn lines(&mut self, time_ms: u64, update: &StageUpdate) -> Vec<String> {
        if let Some(position) = update.position {
            let default_character = Appearance {
                character: None,
                name: String::new(),
            };
            return vec![line(&default_character, time_ms, Some(position))];
        }
        self.add_characters(update);
        let samples = update.samples.iter().filter_map(|sample| {
            let appearance = self.on_stage.get(&sample.character)?;
            Some(line(appearance, time_ms, sample.position))
        });
        let mut lines: Vec<_> = samples.collect();
        let left = self.remove_characters(update);
        lines.extend(
            left.iter()
                .map(|appearance| line(appearance, time_ms, None)),
        );
        lines
    }

    fn add_characters(&mut self, update: &StageUpdate) {
        for character in &update.characters {
            let appearance = Appearance {
                character: Some(character.id),
                name: character.name.clone(),
            };
            self.on_stage.insert(character.id, appearance);
        }
    }

    /// Removes and returns the characters that have left.
    fn remove_characters(&mut self, update: &StageUpdate) -> Vec<Appearance> {
        let gone = update.gone(self.on_stage.keys().copied());
        let gone = gone.iter().filter_map(|id| self.on_stage.remove(id));
        gone.collect()
    }
}

/// Returns the line that puts a character at a position, or says that the character has left.
fn line(appearance: &Appearance, time_ms: u64, position: Option<Pos>) -> String {
    let line = Line {
        time_ms: Some(time_ms),
        character: appearance.character,
        name: appearance.name.clone(),
        x: position.map(|position| position.x),
        y: position.map(|position| position.y),
        z: position.map(|position| position.z),
        left: position.is_none(),
    };
    // Serialising numbers and text as JSON cannot fail.
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
    fn a_recording_names_characters_that_joined_before_it_began() {
        let mut recorder = Recorder::default();
        recorder.observe(&named(2, "Ann"));
        let update = StageUpdate {
            left: vec![2],
            ..moved(&[2, 9])
        };
        let ann = [
            r#"{"time_ms":100,"character":2,"name":"Ann","x":1.0,"y":-0.5,"z":0.25}"#,
            r#"{"time_ms":100,"character":2,"name":"Ann","left":true}"#,
        ];
        assert_eq!(
            recorder.lines(100, &update),
            ann,
            "the name of 9 is unknown"
        );
        assert!(recorder.lines(200, &update).is_empty(), "Ann has left");
    }

    #[test]
    fn a_character_missing_from_a_complete_update_has_left() {
        let mut recorder = Recorder::default();
        recorder.observe(&named(2, "Ann"));
        recorder.observe(&named(3, "Bob"));
        let complete = StageUpdate {
            complete: true,
            ..named(3, "Bob")
        };
        let left = [r#"{"time_ms":5,"character":2,"name":"Ann","left":true}"#];
        assert_eq!(recorder.lines(5, &complete), left);
    }

    #[test]
    fn recorded_lines_are_read_back() {
        let mut recorder = Recorder::default();
        let name = "Ann \"the\" 安";
        recorder.observe(&named(2, name));
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
        recorder.observe(&named(2, name));
        lines.extend(recorder.lines(95, &moved(&[2])));
        let recording = read(&lines.join("\n")).expect("a recording");
        let ann = Appearance {
            character: Some(2),
            name: name.into(),
        };
        let default_character = Appearance {
            character: None,
            name: String::new(),
        };
        assert_eq!(recording.appearances, [ann.clone(), default_character, ann]);
        let appearances = recording.moments.iter().map(|moment| moment.appearance);
        assert_eq!(appearances.collect::<Vec<_>>(), [0, 0, 1, 2]);
        assert_eq!(
            recording.positions(0).collect::<Vec<_>>(),
            [(0, [1.0, -0.5, 0.25])]
        );
    }
}
