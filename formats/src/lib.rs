//! Files of users in three formats, the progress of an import, and recordings of the stage.
//!
//! The command line and the page import and export with the same code. The crate opens no file and no connection:
//! callers pass bytes in chunks of any size and get rows, or pass users and get text.

mod csv;
mod import;
mod json;
mod read;
mod recording;
mod row;
mod write;

use std::path::Path;

pub use import::ImportTracker;
pub use read::Reader;
pub use recording::{Appearance, Moment, Player, Recorder, Recording, RecordingError};
pub use row::{ReadError, Rejected, Row, Source};
pub use soundstage_proto::FieldError;
pub use write::{RejectedRows, Writer, sentence, user_object};

/// A file format for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Format {
    /// One JSON object that maps each id to a user, the format of the predecessor
    Json,
    /// A line of column names, then one line for each user; text that looks like a formula begins with an apostrophe
    Csv,
    /// One JSON object on each line
    Ndjson,
}

impl Format {
    /// Returns the format that the file's extension names, in any letter case.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// Returns the usual file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Field names, the same in every format.
mod field {
    pub(super) const ID: &str = "id";
    pub(super) const NICKNAME: &str = "nickname";
    pub(super) const MAIL_ADDRESS: &str = "mail_address";
    pub(super) const USER_TYPE: &str = "user_type";
    pub(super) const CREATED: &str = "created_ms";
    pub(super) const UPDATED: &str = "updated_ms";
    pub(super) const REVISION: &str = "revision";
    /// The errors of a rejected row; readers ignore this field.
    pub(super) const ERROR: &str = "error";
}
