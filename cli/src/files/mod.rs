//! Files of users, in three formats: read as rows with their places, written as they come.

mod read;
mod write;

use std::path::Path;

use clap::ValueEnum;

pub(crate) use read::{Fault, Input, ReadError, Row};
pub(crate) use write::{RefusedRows, Writer, sentence};

/// How users stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One object of users, keyed by the id as text, as the predecessor kept them
    Json,
    /// A heading and a line for each user
    Csv,
    /// One object a line
    Ndjson,
}

impl Format {
    /// As the file's extension says.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }

    pub(crate) fn extension(self) -> &'static str {
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
    /// What is wrong with a row that was refused; passed over when it is read.
    pub(super) const ERROR: &str = "error";
}
