//! A field that breaks a rule.

use std::fmt;

use crate::user::FieldFault;

/// A field that breaks a rule, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name on the wire, such as `nickname`; empty if the error is about the row as a whole.
    pub field: String,
    /// A sentence that says what to do.
    pub description: String,
}

impl FieldError {
    /// Describes an error of one field.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }

    /// Describes an error of a row as a whole.
    pub fn whole(description: impl Into<String>) -> Self {
        Self::new("", description)
    }
}

/// `nickname: Enter a nickname.`, or the description alone for a row as a whole.
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, description } = self;
        if field.is_empty() {
            f.write_str(description)
        } else {
            write!(f, "{field}: {description}")
        }
    }
}

impl From<FieldFault> for FieldError {
    fn from(FieldFault { field, description }: FieldFault) -> Self {
        Self { field, description }
    }
}

impl From<FieldError> for FieldFault {
    fn from(FieldError { field, description }: FieldError) -> Self {
        Self { field, description }
    }
}
