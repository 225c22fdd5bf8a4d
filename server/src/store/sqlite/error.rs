//! The errors of a database file, in sentences that say what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::directory::{DirectoryError, SeedError};

/// A failure of the store, with the path of its file.
#[derive(Debug, thiserror::Error)]
#[error("database {}: {kind}", path.display())]
pub struct StoreError {
    path: PathBuf,
    kind: ErrorKind,
}

/// The kind of a failure.
#[derive(Debug, Clone)]
pub enum ErrorKind {
    /// The file is no database, or its content is inconsistent.
    Damaged(String),
    /// Another process has locked the file for longer than the store waits.
    Locked,
    /// Another server has opened the file.
    InUse,
    /// The file or its write-ahead log was deleted or replaced while it was open.
    Replaced,
    /// The index of grams is damaged; the writer rebuilds it.
    SearchDamaged(String),
    /// The file cannot be written.
    ReadOnly,
    /// The file cannot be opened or created.
    CannotOpen(String),
    /// The file of a new backup exists already.
    Exists,
    /// The file holds the tables of another program.
    NotOurs,
    /// A newer version of Soundstage has migrated the file.
    NewerSchema {
        /// The version of the file.
        found: i64,
        /// The newest version that this binary knows.
        known: i64,
    },
    /// No space is left on the disk.
    DiskFull,
    /// Every id is taken.
    NoFreeId,
    /// The file keeps no more import names, and all of its names were used within the last hour.
    TooManyImports,
    /// A read has reached its time limit.
    ReadTooSlow,
    /// The users of the seed are not valid.
    Seed(SeedError),
    /// The writer thread has stopped; the log has the reason.
    WriterStopped,
    /// The store was closed before the read was done.
    Closed,
    /// A read panicked; the log has the reason.
    ReadPanicked,
    /// Any other error of SQLite.
    Other(String),
}

impl StoreError {
    pub(super) fn new(path: &Path, kind: impl Into<ErrorKind>) -> Self {
        Self {
            path: path.to_owned(),
            kind: kind.into(),
        }
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        let sentence = error.to_string();
        match error.kind {
            ErrorKind::Damaged(_) => Self::Damaged(sentence),
            ErrorKind::Locked | ErrorKind::InUse => Self::Locked(sentence),
            ErrorKind::SearchDamaged(_) => Self::Rebuilding(sentence),
            ErrorKind::TooManyImports => Self::TooManyImports,
            ErrorKind::ReadTooSlow => Self::TooSlow,
            ErrorKind::ReadOnly => Self::ReadOnly(sentence),
            ErrorKind::DiskFull => Self::Full(sentence),
            ErrorKind::NoFreeId => Self::NoFreeId,
            ErrorKind::WriterStopped | ErrorKind::Replaced | ErrorKind::Closed => {
                Self::Closed(sentence)
            }
            ErrorKind::CannotOpen(_)
            | ErrorKind::Exists
            | ErrorKind::NotOurs
            | ErrorKind::NewerSchema { .. }
            | ErrorKind::Seed(_)
            | ErrorKind::ReadPanicked
            | ErrorKind::Other(_) => Self::Failed(sentence),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(detail) => write!(
                f,
                "damaged ({detail}); restore it from a backup, or move it away"
            ),
            Self::Locked => {
                f.write_str("locked by another process; end that process and try again")
            }
            Self::InUse => f.write_str(
                "in use by another server; stop that server, or name another file with --database",
            ),
            Self::Replaced => f.write_str(
                "deleted or replaced while the server ran; no change is stored any more; \
                 put the file back or restore a backup, then start the server again",
            ),
            Self::SearchDamaged(detail) => {
                write!(
                    f,
                    "the search index is damaged ({detail}) and is being rebuilt"
                )
            }
            Self::ReadOnly => f.write_str("read-only; make the file and its folder writable"),
            Self::CannotOpen(detail) => write!(
                f,
                "cannot be opened ({detail}); check that the folder exists and is writable"
            ),
            Self::Exists => f.write_str("exists already; name another file"),
            Self::NotOurs => {
                f.write_str("belongs to another program; name another file with --database")
            }
            Self::NewerSchema { found, known } => {
                write!(
                    f,
                    "has schema version {found}, this program knows {known}; use a newer soundstage"
                )
            }
            Self::DiskFull => f.write_str("the disk is full; make space and try again"),
            Self::NoFreeId => f.write_str("every id is taken"),
            Self::TooManyImports => f.write_str("too many imports have a name"),
            Self::ReadTooSlow => f.write_str("a read took too long"),
            Self::Seed(error) => write!(f, "not created: {error}"),
            Self::WriterStopped => f.write_str("no longer written to; restart the server"),
            Self::Closed => f.write_str("closed"),
            Self::ReadPanicked => f.write_str("a read panicked"),
            Self::Other(detail) => f.write_str(detail),
        }
    }
}

impl ErrorKind {
    /// Returns the kind of an error of the index of grams, which can be rebuilt.
    pub(super) fn of_search(error: rusqlite::Error) -> Self {
        match Self::from(error) {
            Self::Damaged(detail) => Self::SearchDamaged(detail),
            other => other,
        }
    }
}

impl From<rusqlite::Error> for ErrorKind {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::CannotOpen(error.to_string())
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            // A waiting caller sees an interruption only if its read has reached the time limit.
            Some(ErrorCode::OperationInterrupted) => Self::ReadTooSlow,
            // The only sign of a full disk if the shared-memory file cannot grow.
            Some(ErrorCode::SystemIoFailure)
                if error
                    .sqlite_error()
                    .is_some_and(|code| code.extended_code == SQLITE_IOERR_SHMSIZE) =>
            {
                Self::DiskFull
            }
            _ => Self::Other(error.to_string()),
        }
    }
}
