//! Files of users, in three formats, and the account of an import; and recordings of the stage.
//!
//! The command line and the page import and export with the same code. It reads and writes nothing by itself: bytes come in
//! pieces as whoever reads them has them, and go out as text.

mod csv;
mod import;
mod json;
mod read;
mod recording;
mod write;

use std::path::Path;

pub use import::{ImportTracker, Rejected};
pub use read::{FieldError, ReadError, Reader, Row, Source};
pub use recording::{Moment, Part, Player, Recorder, Recording, RecordingError};
pub use write::{RefusedRows, Writer, sentence, user_object};

/// How users stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Format {
    /// One object of users, keyed by the id as text, as the predecessor kept them
    Json,
    /// A heading and a line for each user
    Csv,
    /// One object a line
    Ndjson,
}

impl Format {
    /// As the file's extension says.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// The extension of files in it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// The names of a user's fields in all formats.
mod field {
    pub(super) const ID: &str = "id";
    pub(super) const NICKNAME: &str = "nickname";
    pub(super) const MAIL_ADDRESS: &str = "mail_address";
    pub(super) const USER_TYPE: &str = "user_type";
    pub(super) const CREATED: &str = "created_ms";
    pub(super) const UPDATED: &str = "updated_ms";
    pub(super) const REVISION: &str = "revision";
    /// What is wrong with a row that was refused; passed over when it is read.
    pub(super) const ERROR: &str = "error";
}
