//! The outcome of an import and of its rows, in words.

use soundstage_formats::{FieldError, ReadError};

use super::state::End;
use crate::api::CallError;
use crate::language::{fill, t};

/// Returns what happened, and what is stored.
pub(super) fn describe_end(end: &End, is_dry_run: bool) -> String {
    let (what, line) = match end {
        End::Complete if is_dry_run => {
            return t("Check complete. Nothing was stored. An import would have this result:")
                .into();
        }
        End::Complete => return t("Done.").into(),
        End::Stopped(line) => (t("Stopped.").to_owned(), *line),
        End::Unreadable(line, error) => (describe_unreadable(error), *line),
        End::Failed(line, error) => (error.sentence(), *line),
    };
    let stored = if is_dry_run || line == 0 {
        t("Nothing was stored.").to_owned()
    } else {
        fill(
            "All valid rows up to line {0} are stored.",
            &[&line.to_string()],
        )
    };
    format!("{what} {stored}")
}

/// Returns where the file cannot be read, and why.
fn describe_unreadable(error: &ReadError) -> String {
    let line = error.line.to_string();
    let values = [line.as_str(), t(error.what), error.detail.as_str()];
    if error.detail.is_empty() {
        fill("Cannot read the file from line {0} on: {1}.", &values)
    } else {
        fill("Cannot read the file from line {0} on: {1} ({2}).", &values)
    }
}

/// Returns what is wrong with a row, on one line.
pub(super) fn describe_errors(errors: &[FieldError]) -> String {
    let pairs = errors
        .iter()
        .map(|error| (error.field.clone(), error.description.clone()));
    CallError::InvalidFields(pairs.collect()).sentence()
}
