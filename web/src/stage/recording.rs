//! The recording that is made of the stage.

use soundstage_formats::Recorder;
use soundstage_proto::position::StageUpdate;

/// A longer recording than this, in lines, is better made on the command line.
const MOST_LINES: u32 = 500_000;

/// The recording that is being made.
#[derive(Default)]
pub(super) struct Recording {
    /// While it runs: when it began, in milliseconds.
    start: Option<f64>,
    recorder: Recorder,
    /// Lines, many in one text.
    texts: Vec<String>,
    lines: u32,
}

impl Recording {
    /// Notes what has arrived. Who is on the stage is known from before the recording began.
    pub(super) fn note(&mut self, now: f64, update: &StageUpdate) {
        let Some(start) = self.start.filter(|_| !self.is_full()) else {
            return self.recorder.observe(update);
        };
        let mut lines = self.recorder.lines((now - start).max(0.0) as u64, update);
        self.lines += lines.len() as u32;
        // Each line ends.
        lines.push(String::new());
        self.texts.push(lines.join("\n"));
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

    /// Whether it takes no more.
    pub(super) fn is_full(&self) -> bool {
        self.lines >= MOST_LINES
    }

    /// Ends the recording, if there is one; its text.
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
    fn a_tape_has_what_arrives_while_it_runs() {
        let mut recording = Recording::default();
        let update = StageUpdate {
            position: Some(Pos::default()),
            ..StageUpdate::default()
        };
        recording.note(1000.0, &update);
        assert_eq!(recording.end(), None, "it has not begun");
        recording.begin(1500.0);
        recording.note(1600.0, &update);
        recording.note(1700.0, &StageUpdate::default());
        recording.note(1800.0, &update);
        assert_eq!(recording.lines(), 2);
        let expected = concat!(
            r#"{"time_ms":100,"x":0.0,"y":0.0,"z":0.0}"#,
            "\n",
            r#"{"time_ms":300,"x":0.0,"y":0.0,"z":0.0}"#,
            "\n"
        );
        assert_eq!(recording.end().expect("a recording").concat(), expected);
        recording.note(1900.0, &update);
        assert_eq!(recording.end(), None, "it has ended");
    }
}
