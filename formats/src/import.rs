//! The progress of an import: which rows the server has stored, and which rows are still to be sent.

use std::collections::VecDeque;

use soundstage_proto::FieldError;
use soundstage_proto::user::{
    ImportOptions, ImportProgress, ImportUsersRequest, ImportUsersResponse, RefusedRow,
};

use crate::row::{Rejected, Row};

/// The largest number of rows that are sent and not yet stored. Large enough for several of the server's batches, so
/// that the server never waits; small enough that an import stops soon after the user asks for it.
const WINDOW: usize = 8192;

/// The tracker of an import across any number of calls. Each row is stored once: the tracker keeps a row until the
/// server has acknowledged it, and each call resumes after the last acknowledged row.
#[derive(Debug)]
pub struct ImportTracker {
    options: ImportOptions,
    /// Valid rows that the server has not acknowledged. The first `sent` of them have been sent in this call.
    unacknowledged: VecDeque<Row>,
    sent: usize,
    /// The latest progress that the server reported.
    progress: ImportProgress,
    /// The number of rows that broke a rule and were not sent.
    rejected_unsent: u32,
    last_line: u32,
}

impl ImportTracker {
    /// Starts an import. `options` must name the import; without a name it cannot resume after a lost connection.
    pub fn new(options: ImportOptions) -> Self {
        Self {
            options,
            unacknowledged: VecDeque::new(),
            sent: 0,
            progress: ImportProgress::default(),
            rejected_unsent: 0,
            last_line: 0,
        }
    }

    /// Returns true if the server only checks the rows and stores none.
    pub fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }

    /// Begins a call and returns its first request. Send no row before the first response, which says where to resume.
    pub fn begin_call(&mut self) -> ImportUsersRequest {
        self.sent = 0;
        ImportUsersRequest {
            options: Some(self.options.clone()),
            ..ImportUsersRequest::default()
        }
    }

    /// Takes the next row of the file. Returns the row if it breaks a rule.
    pub fn take(&mut self, row: Row) -> Option<Rejected> {
        match row.user {
            Ok(_) => {
                self.unacknowledged.push_back(row);
                None
            }
            Err(errors) => {
                self.rejected_unsent += 1;
                Some(Rejected {
                    line: row.line,
                    source: row.source,
                    errors,
                })
            }
        }
    }

    /// Returns the next row to send in this call, or `None` while the window is full or no row is left.
    pub fn next_request(&mut self) -> Option<ImportUsersRequest> {
        let row = self
            .unacknowledged
            .get(self.sent)
            .filter(|_| self.sent < WINDOW)?;
        self.sent += 1;
        Some(ImportUsersRequest {
            options: None,
            user: row.user.as_ref().ok().cloned(),
            line: row.line,
        })
    }

    /// Returns true if [`ImportTracker::next_request`] would return a row.
    pub fn has_request(&self) -> bool {
        self.sent < self.unacknowledged.len().min(WINDOW)
    }

    /// Returns true if another row of the file could be sent immediately.
    pub fn wants_rows(&self) -> bool {
        self.sent == self.unacknowledged.len() && self.sent < WINDOW
    }

    /// Returns true if every row has been sent in this call.
    pub fn has_sent_all(&self) -> bool {
        self.sent == self.unacknowledged.len()
    }

    /// Returns the number of rows that the server has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }

    /// Drops the rows that have not been sent, so that the import ends after the last sent row.
    pub fn drop_unsent(&mut self) {
        self.unacknowledged.truncate(self.sent);
    }

    /// Records a response. Returns the row that the server rejected in it, if any.
    pub fn on_response(&mut self, response: ImportUsersResponse) -> Option<Rejected> {
        let rejected = response.refused.and_then(|refused| self.rejected(refused));
        if let Some(progress) = response.progress {
            let acknowledged = progress.rows.saturating_sub(self.progress.rows) as usize;
            let acknowledged = acknowledged.min(self.unacknowledged.len());
            for row in self.unacknowledged.drain(..acknowledged) {
                self.last_line = row.line;
            }
            self.sent = self.sent.saturating_sub(acknowledged);
            self.progress = progress;
        }
        rejected
    }

    fn rejected(&self, RefusedRow { line, faults }: RefusedRow) -> Option<Rejected> {
        let row = self.unacknowledged.iter().find(|row| row.line == line)?;
        Some(Rejected {
            line,
            source: row.source.clone(),
            errors: faults.into_iter().map(FieldError::from).collect(),
        })
    }

    /// Returns the progress so far, including rows that broke a rule and were not sent.
    pub fn progress(&self) -> ImportProgress {
        ImportProgress {
            refused: self.progress.refused + self.rejected_unsent,
            ..self.progress
        }
    }

    /// Returns the line of the last acknowledged row; 0 before the first.
    pub fn last_line(&self) -> u32 {
        self.last_line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Source;
    use soundstage_proto::user::{FieldFault, User};

    fn row(line: u32) -> Row {
        Row {
            line,
            source: Source::Text(String::new()),
            user: Ok(User::default()),
        }
    }

    /// Returns a response that acknowledges this many rows.
    fn acknowledge(rows: u32) -> ImportUsersResponse {
        ImportUsersResponse {
            progress: Some(ImportProgress {
                rows,
                added: rows,
                ..ImportProgress::default()
            }),
            refused: None,
        }
    }

    /// Takes every request that may be sent now, and returns their lines.
    fn lines(import: &mut ImportTracker) -> Vec<u32> {
        std::iter::from_fn(|| import.next_request().map(|request| request.line)).collect()
    }

    #[test]
    fn after_a_lost_call_only_unacknowledged_rows_are_sent_again() {
        let mut import = ImportTracker::new(ImportOptions::default());
        import.begin_call();
        for line in 2..6 {
            assert!(import.take(row(line)).is_none());
        }
        assert_eq!(lines(&mut import), [2, 3, 4, 5]);
        import.on_response(acknowledge(1));
        assert_eq!((import.last_line(), import.unacknowledged()), (2, 3));
        // The call is lost. The first response of the next call says what was stored meanwhile.
        import.begin_call();
        import.on_response(acknowledge(3));
        import.take(row(6));
        assert_eq!(lines(&mut import), [5, 6]);
        import.on_response(acknowledge(5));
        assert_eq!((import.last_line(), import.unacknowledged()), (6, 0));
    }

    #[test]
    fn the_window_limits_how_many_rows_are_unacknowledged() {
        let mut import = ImportTracker::new(ImportOptions::default());
        import.begin_call();
        assert!(import.wants_rows());
        for line in 1..=WINDOW as u32 + 1 {
            import.take(row(line));
        }
        assert_eq!(lines(&mut import).len(), WINDOW);
        assert!(!import.has_request() && !import.wants_rows() && !import.has_sent_all());
        import.on_response(acknowledge(1));
        assert_eq!(lines(&mut import), [WINDOW as u32 + 1]);
        assert!(import.has_sent_all() && !import.wants_rows());
        import.on_response(acknowledge(2));
        assert!(import.wants_rows());
    }

    #[test]
    fn rows_are_rejected_by_the_rules_here_and_by_the_server() {
        let mut import = ImportTracker::new(ImportOptions::default());
        import.begin_call();
        let error = FieldError::new("nickname", "Enter a nickname.");
        let rejected = import.take(Row {
            user: Err(vec![error]),
            ..row(2)
        });
        assert_eq!(rejected.map(|rejected| rejected.line), Some(2));
        import.take(row(3));
        lines(&mut import);
        let fault = FieldFault {
            field: "nickname".into(),
            description: "Too rude.".into(),
        };
        let rejected = import.on_response(ImportUsersResponse {
            progress: None,
            refused: Some(RefusedRow {
                line: 3,
                faults: vec![fault],
            }),
        });
        assert_eq!(rejected.map(|rejected| rejected.line), Some(3));
        import.on_response(ImportUsersResponse {
            progress: Some(ImportProgress {
                rows: 1,
                refused: 1,
                ..ImportProgress::default()
            }),
            refused: None,
        });
        assert_eq!(import.progress().refused, 2);
    }
}
