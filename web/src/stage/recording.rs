//! The recording of the stage: the updates as text lines.

use soundstage_formats::Recorder;
use soundstage_proto::position::StageUpdate;

/// The maximum length of a recording in lines. `soundstage position record` makes longer recordings.
const MAX_LINES: u32 = 500_000;

/// A recording, running or ended.
#[derive(Default)]
pub(super) struct Recording {
    /// The start in milliseconds, while the recording runs.
    start: Option<f64>,
    recorder: Recorder,
    /// Texts of many lines each.
    texts: Vec<String>,
    lines: u32,
}

impl Recording {
    /// Adds an update that arrived at `now` (milliseconds). The recorder follows all updates, so that a recording knows
    /// the characters that joined before its start.
    pub(super) fn note(&mut self, now: f64, update: &StageUpdate) {
        let Some(start) = self.start.filter(|_| !self.is_full()) else {
            return self.recorder.observe(update);
        };
        let mut lines = self.recorder.lines((now - start).max(0.0) as u64, update);
        self.lines += lines.len() as u32;
        // The last line ends with a line break too.
        lines.push(String::new());
        self.texts.push(lines.join("\n"));
    }

    /// Starts a recording at `now` (milliseconds).
    pub(super) fn begin(&mut self, now: f64) {
        self.start = Some(now);
        self.lines = 0;
        self.texts.clear();
    }

    /// Returns the length of the running recording in lines; `None` if no recording runs.
    pub(super) fn lines(&self) -> Option<u32> {
        self.start.map(|_| self.lines)
    }

    /// Returns whether the recording has its maximum length.
    pub(super) fn is_full(&self) -> bool {
        self.lines >= MAX_LINES
    }

    /// Ends the recording and returns its text; `None` if no recording runs.
    pub(super) fn end(&mut self) -> Option<Vec<String>> {
        self.start.take()?;
        Some(std::mem::take(&mut self.texts))
    }
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::Pos;

    use super::*;

    #[test]
    fn a_recording_has_the_updates_between_start_and_end() {
        let mut recording = Recording::default();
        let update = StageUpdate {
            position: Some(Pos::default()),
            ..StageUpdate::default()
        };
        recording.note(1000.0, &update);
        assert_eq!(recording.end(), None, "no recording runs");
        recording.begin(1500.0);
        recording.note(1600.0, &update);
        recording.note(1700.0, &StageUpdate::default());
        recording.note(1800.0, &update);
        assert_eq!(recording.lines(), Some(2));
        let expected = concat!(
            r#"{"time_ms":100,"x":0.0,"y":0.0,"z":0.0}"#,
            "\n",
            r#"{"time_ms":300,"x":0.0,"y":0.0,"z":0.0}"#,
            "\n"
        );
        assert_eq!(recording.end().expect("a recording").concat(), expected);
        recording.note(1900.0, &update);
        assert_eq!(recording.end(), None, "the recording has ended");
    }
}
