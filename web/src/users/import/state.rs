//! The state of an import: plain, tested on the host.

use soundstage_formats::ReadError;
use soundstage_proto::user::ImportProgress;

use crate::api::CallError;

/// The number of rejected rows that are shown; the file of rejected rows has all rejected rows.
const REJECTED_SHOWN: usize = 100;

/// The import that is running or has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportState {
    phase: Phase,
    progress: ImportProgress,
    bytes_read: f64,
    rejected: Vec<RejectedRow>,
    is_waiting: bool,
    is_stopping: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Phase {
    /// The reader chooses a file and options.
    #[default]
    Choosing,
    Running,
    Ended(End),
}

/// The end of an import.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Complete,
    /// Stopped by the reader; the rows up to this line are stored.
    Stopped(u32),
    /// The file cannot be read further; the rows up to this line are stored.
    Unreadable(u32, ReadError),
    /// The call failed; the rows up to this line are stored.
    Failed(u32, CallError),
}

/// A row that was not imported.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RejectedRow {
    pub(super) line: u32,
    /// The errors of the row, in words.
    pub(super) reason: String,
}

impl ImportState {
    /// Starts an import, and drops the earlier result. Does nothing and returns false while an import is running.
    pub(super) fn begin(&mut self) -> bool {
        let can_begin = !self.is_running();
        if can_begin {
            *self = Self {
                phase: Phase::Running,
                ..Self::default()
            };
        }
        can_begin
    }

    pub(super) fn advance(&mut self, progress: ImportProgress) {
        self.progress = progress;
    }

    pub(super) fn read(&mut self, bytes: f64) {
        self.bytes_read = bytes;
    }

    /// Records a rejected row; keeps the first [`REJECTED_SHOWN`] rows.
    pub(super) fn reject(&mut self, row: RejectedRow) {
        if self.rejected.len() < REJECTED_SHOWN {
            self.rejected.push(row);
        }
    }

    /// Records whether the import waits for an unreachable server.
    pub(super) fn set_waiting(&mut self, is_waiting: bool) {
        self.is_waiting = is_waiting;
    }

    /// Asks the running import to stop.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
    }

    pub(super) fn end(&mut self, end: End) {
        self.phase = Phase::Ended(end);
    }

    /// Dismisses the result of an import. Does nothing and returns false if there is no result.
    pub(super) fn dismiss(&mut self) -> bool {
        let has_ended = matches!(self.phase, Phase::Ended(_));
        if has_ended {
            self.phase = Phase::Choosing;
        }
        has_ended
    }

    pub(super) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    pub(super) fn progress(&self) -> &ImportProgress {
        &self.progress
    }

    /// Returns the number of rows that have been imported, or skipped since their ids exist.
    pub(super) fn rows_done(&self) -> u32 {
        self.progress.added + self.progress.replaced + self.progress.skipped
    }

    pub(super) fn bytes_read(&self) -> f64 {
        self.bytes_read
    }

    /// Returns the rejected rows that are shown.
    pub(super) fn rejected(&self) -> &[RejectedRow] {
        &self.rejected
    }

    /// Returns the number of rejected rows that are not shown.
    pub(super) fn rejected_hidden(&self) -> u32 {
        self.progress
            .refused
            .saturating_sub(self.rejected.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> ImportState {
        let mut import = ImportState::default();
        assert!(import.begin());
        import
    }

    #[test]
    fn a_running_import_is_neither_replaced_nor_dismissed() {
        let mut import = running();
        import.read(1000.0);
        assert!(!import.begin() && !import.dismiss());
        assert!(import.is_running());
        assert_eq!(import.bytes_read().to_bits(), 1000.0_f64.to_bits());
        import.end(End::Complete);
        assert!(import.dismiss());
        assert_eq!(import.phase(), &Phase::Choosing);
        assert!(!import.dismiss(), "nothing to dismiss");
    }

    #[test]
    fn another_import_starts_from_zero() {
        let mut import = running();
        import.advance(ImportProgress {
            added: 3,
            skipped: 2,
            ..ImportProgress::default()
        });
        assert_eq!(import.rows_done(), 5);
        import.set_waiting(true);
        import.stop();
        import.end(End::Stopped(6));
        assert!(import.begin());
        assert_eq!(import.rows_done(), 0);
        assert!(!import.is_waiting() && !import.is_stopping());
    }

    #[test]
    fn only_the_first_rejected_rows_are_shown() {
        let mut import = running();
        for line in 1..=150 {
            import.reject(RejectedRow {
                line,
                reason: String::new(),
            });
        }
        import.advance(ImportProgress {
            refused: 150,
            ..ImportProgress::default()
        });
        assert_eq!(import.rejected().len(), 100);
        assert_eq!(import.rejected_hidden(), 50);
    }
}
