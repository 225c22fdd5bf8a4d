//! The account of an import: what was sent and not answered yet, and how far it is.

use std::collections::VecDeque;

use soundstage_proto::user::{
    ImportOptions, ImportProgress, ImportUsersRequest, ImportUsersResponse, RefusedRow,
};

use crate::read::{FieldError, Row, Source};

/// Rows that may be sent and not be on disk yet: some batches of the server, so that it never waits, and so few that
/// stopping does not take long.
const WINDOW: usize = 8192;

/// An import, over as many calls as it takes. Each row is stored once: a row is kept until the server has said that it is on
/// disk, and each call begins behind the last of those.
#[derive(Debug)]
pub struct ImportTracker {
    options: ImportOptions,
    /// Valid rows that are not on disk yet, the first `sent` of them sent in this call.
    unanswered: VecDeque<Row>,
    sent: usize,
    progress: ImportProgress,
    /// Rows that were refused here, and never sent.
    refused_unsent: u32,
    last_line: u32,
}

/// A row that was refused.
#[derive(Debug)]
pub struct Rejected {
    /// Where it begins in its file.
    pub line: u32,
    /// What stands there.
    pub source: Source,
    /// Why.
    pub faults: Vec<FieldError>,
}

impl ImportTracker {
    /// `options` must name the import, for it to go on after a lost connection.
    pub fn new(options: ImportOptions) -> Self {
        Self {
            options,
            unanswered: VecDeque::new(),
            sent: 0,
            progress: ImportProgress::default(),
            refused_unsent: 0,
            last_line: 0,
        }
    }

    /// Whether everything is only checked.
    pub fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }

    /// The first request of a call. Nothing more is to be sent before the first answer, which says where to go on.
    pub fn begin_call(&mut self) -> ImportUsersRequest {
        self.sent = 0;
        ImportUsersRequest {
            options: Some(self.options.clone()),
            ..ImportUsersRequest::default()
        }
    }

    /// Takes the next row of the file in; or gives it back, if it breaks a rule.
    pub fn take(&mut self, row: Row) -> Option<Rejected> {
        match row.user {
            Ok(_) => {
                self.unanswered.push_back(row);
                None
            }
            Err(faults) => {
                self.refused_unsent += 1;
                Some(Rejected {
                    line: row.line,
                    source: row.source,
                    faults,
                })
            }
        }
    }

    /// The next row to send in this call, as far as the server has kept up.
    pub fn next_request(&mut self) -> Option<ImportUsersRequest> {
        let row = self
            .unanswered
            .get(self.sent)
            .filter(|_| self.sent < WINDOW)?;
        self.sent += 1;
        Some(ImportUsersRequest {
            options: None,
            user: row.user.as_ref().ok().cloned(),
            line: row.line,
        })
    }

    /// Whether [`ImportTracker::next_request`] has something to send.
    pub fn has_request(&self) -> bool {
        self.sent < self.unanswered.len().min(WINDOW)
    }

    /// Whether more rows of the file would be sent at once.
    pub fn wants_rows(&self) -> bool {
        self.sent == self.unanswered.len() && self.sent < WINDOW
    }

    /// Whether all rows have been sent in this call.
    pub fn has_sent_all(&self) -> bool {
        self.sent == self.unanswered.len()
    }

    /// Rows that are not on disk yet.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Forgets the rows that were not sent: the import ends with those that were.
    pub fn drop_unsent(&mut self) {
        self.unanswered.truncate(self.sent);
    }

    /// Takes an answer in; a row that it refuses comes back.
    pub fn hear(&mut self, answer: ImportUsersResponse) -> Option<Rejected> {
        let refused = answer.refused.and_then(|refused| self.refused(refused));
        if let Some(progress) = answer.progress {
            let answered = progress.rows.saturating_sub(self.progress.rows) as usize;
            for row in self.unanswered.drain(..answered.min(self.unanswered.len())) {
                self.last_line = row.line;
            }
            self.sent = self.sent.saturating_sub(answered);
            self.progress = progress;
        }
        refused
    }

    fn refused(&self, RefusedRow { line, faults }: RefusedRow) -> Option<Rejected> {
        let row = self.unanswered.iter().find(|row| row.line == line)?;
        let faults = faults.into_iter().map(|fault| FieldError {
            field: fault.field,
            description: fault.description,
        });
        Some(Rejected {
            line,
            source: row.source.clone(),
            faults: faults.collect(),
        })
    }

    /// What has become of the rows so far, those that were refused here included.
    pub fn progress(&self) -> ImportProgress {
        ImportProgress {
            refused: self.progress.refused + self.refused_unsent,
            ..self.progress
        }
    }

    /// Everything up to this line is on disk.
    pub fn last_line(&self) -> u32 {
        self.last_line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use soundstage_proto::user::{FieldFault, User};

    fn row(line: u32) -> Row {
        Row {
            line,
            source: Source::Text(String::new()),
            user: Ok(User::default()),
        }
    }

    fn on_disk(rows: u32) -> ImportUsersResponse {
        ImportUsersResponse {
            progress: Some(ImportProgress {
                rows,
                added: rows,
                ..ImportProgress::default()
            }),
            refused: None,
        }
    }

    fn lines(import: &mut ImportTracker) -> Vec<u32> {
        std::iter::from_fn(|| import.next_request().map(|request| request.line)).collect()
    }

    #[test]
    fn after_a_lost_call_only_what_is_not_on_disk_is_sent_again() {
        let mut import = ImportTracker::new(ImportOptions::default());
        import.begin_call();
        for line in 2..6 {
            assert!(import.take(row(line)).is_none());
        }
        assert_eq!(lines(&mut import), [2, 3, 4, 5]);
        import.hear(on_disk(1));
        assert_eq!((import.last_line(), import.unanswered()), (2, 3));
        // Lost; what went in meanwhile is told first.
        import.begin_call();
        import.hear(on_disk(3));
        import.take(row(6));
        assert_eq!(lines(&mut import), [5, 6]);
        import.hear(on_disk(5));
        assert_eq!((import.last_line(), import.unanswered()), (6, 0));
    }

    #[test]
    fn no_more_is_sent_than_the_server_keeps_up_with() {
        let mut import = ImportTracker::new(ImportOptions::default());
        import.begin_call();
        assert!(import.wants_rows());
        for line in 1..=WINDOW as u32 + 1 {
            import.take(row(line));
        }
        assert_eq!(lines(&mut import).len(), WINDOW);
        assert!(!import.has_request() && !import.wants_rows() && !import.has_sent_all());
        import.hear(on_disk(1));
        assert_eq!(lines(&mut import), [WINDOW as u32 + 1]);
        assert!(import.has_sent_all() && !import.wants_rows());
        import.hear(on_disk(2));
        assert!(import.wants_rows());
    }

    #[test]
    fn rows_are_refused_here_and_there() {
        let mut import = ImportTracker::new(ImportOptions::default());
        import.begin_call();
        let fault = FieldError {
            field: "nickname".into(),
            description: "Enter a nickname.".into(),
        };
        let refused = import.take(Row {
            user: Err(vec![fault]),
            ..row(2)
        });
        assert_eq!(refused.map(|refused| refused.line), Some(2));
        import.take(row(3));
        lines(&mut import);
        let fault = FieldFault {
            field: "nickname".into(),
            description: "Too rude.".into(),
        };
        let refused = import.hear(ImportUsersResponse {
            progress: None,
            refused: Some(RefusedRow {
                line: 3,
                faults: vec![fault],
            }),
        });
        assert_eq!(refused.map(|refused| refused.line), Some(3));
        import.hear(ImportUsersResponse {
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
