//! Changes of single users, and their outcomes.

use soundstage_proto::FieldError;
use soundstage_proto::user::User;

/// New values for some fields of a user; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// The new nickname.
    pub nickname: Option<String>,
    /// The new mail address.
    pub mail_address: Option<String>,
    /// The new type, as its number on the wire.
    pub user_type: Option<i32>,
}

/// The outcome of adding a user.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// The user is stored and durable; this is the user with its id, times and revision.
    Stored(User),
    /// The id is taken; nothing was changed.
    AlreadyExists,
}

/// The outcome of updating or deleting a user.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// The change is durable; this is the user after the update, or before the deletion.
    Done(User),
    /// No user has the id.
    NotFound,
    /// The user has changed since the caller's revision; this is the current user.
    Stale(User),
    /// The updated user would break a rule; these are the errors of its fields.
    Invalid(Vec<FieldError>),
}
