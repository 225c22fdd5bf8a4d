//! The rows of a file.

use std::sync::Arc;

use serde_json::Value;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::{self, ValidUser};
use soundstage_proto::{FieldError, user_types};

use crate::field;

/// The longest row, in bytes. A longer row means that the file is broken or has another format.
pub(crate) const ROW_MAX: usize = 1024 * 1024;

/// A row of a file.
#[derive(Debug)]
pub struct Row {
    /// The line that the row begins on, counted from 1.
    pub line: u32,
    /// The row as the file has it.
    pub source: Source,
    /// The user that the row describes, or every rule that the row breaks.
    pub user: Result<User, Vec<FieldError>>,
}

/// A row that was rejected, by the rules here or by the server.
#[derive(Debug)]
pub struct Rejected {
    /// The line that the row begins on, counted from 1.
    pub line: u32,
    /// The row as the file has it.
    pub source: Source,
    /// Every rule that the row breaks.
    pub errors: Vec<FieldError>,
}

/// A row as its file has it.
#[derive(Debug, Clone)]
pub enum Source {
    /// A CSV record, without the apostrophes that mark the text of formulas.
    Record {
        /// The column names, from the first line of the file.
        headings: Arc<[String]>,
        /// The values, which may be fewer or more than the headings.
        values: Vec<String>,
    },
    /// A JSON value, with its key if the file is an object.
    Value(Option<String>, Value),
    /// A line that is not JSON.
    Text(String),
}

/// An error that ends the reading of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}{}", if detail.is_empty() { String::new() } else { format!(" ({detail})") })]
pub struct ReadError {
    /// The line of the error, counted from 1.
    pub line: u32,
    /// A clause that says what is wrong, and what the file should have instead.
    pub what: &'static str,
    /// More about the error, such as the name of a missing column; may be empty.
    pub detail: String,
}

/// Reads the id of a row. A row without an id, or with id 0, leaves the choice to the server.
pub(crate) fn parse_id(text: &str) -> Result<u32, &'static str> {
    match text.trim() {
        "0" => Ok(0),
        text => user_rules::parse_id(text),
    }
}

/// Returns the user with these values, or every rule that the values break.
pub(crate) fn user(
    id: Result<u32, &'static str>,
    nickname: &str,
    mail_address: &str,
    user_type: &str,
) -> Result<User, Vec<FieldError>> {
    let mut errors = Vec::new();
    let id = id.unwrap_or_else(|description| {
        errors.push(FieldError::new(field::ID, description));
        0
    });
    let user = User {
        id,
        nickname: nickname.to_owned(),
        mail_address: mail_address.to_owned(),
        // An unknown name becomes NONE. The rules reject NONE and list the valid names.
        user_type: user_types::parse(user_type.trim())
            .unwrap_or_default()
            .into(),
        ..User::default()
    };
    errors.extend(
        ValidUser::try_from(user.clone())
            .err()
            .into_iter()
            .flatten(),
    );
    if errors.is_empty() {
        Ok(user)
    } else {
        Err(errors)
    }
}
