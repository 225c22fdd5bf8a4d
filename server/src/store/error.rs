//! What can go wrong with the database file, in words that say what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use super::seed::SeedError;

/// A failure of the store, with the file it concerns.
#[derive(Debug, thiserror::Error)]
#[error("database {}: {kind}", path.display())]
pub struct StoreError {
    path: PathBuf,
    kind: ErrorKind,
}

/// What is wrong.
#[derive(Debug, Clone)]
pub enum ErrorKind {
    /// The file is no database, or its content is not consistent.
    Damaged(String),
    /// Another process holds it for longer than we wait.
    Locked,
    /// It cannot be written.
    ReadOnly,
    /// It cannot be opened or created.
    CannotOpen(String),
    /// It holds the tables of another program.
    NotOurs,
    /// A later version of Soundstage has migrated it.
    NewerSchema {
        /// The version found in the file.
        found: i64,
        /// The newest version this binary knows.
        known: i64,
    },
    /// No space is left for it.
    DiskFull,
    /// Every id is taken.
    NoFreeId,
    /// The users to start with cannot be used.
    Seed(SeedError),
    /// The writer has stopped; the log says why.
    WriterStopped,
    /// Anything else that SQLite reports.
    Other(String),
}

impl StoreError {
    pub(super) fn new(path: &Path, kind: impl Into<ErrorKind>) -> Self {
        Self {
            path: path.to_owned(),
            kind: kind.into(),
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
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
            Self::ReadOnly => f.write_str("read-only; make the file and its folder writable"),
            Self::CannotOpen(detail) => write!(
                f,
                "cannot be opened ({detail}); check that the folder exists and is writable"
            ),
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
            Self::Seed(error) => write!(f, "not created: {error}"),
            Self::WriterStopped => f.write_str("no longer written to; restart the server"),
            Self::Other(detail) => f.write_str(detail),
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
            // SQLite tells no more when there is no space for its shared-memory file.
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
