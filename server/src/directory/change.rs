//! Changes of single users, and their outcomes.

use soundstage_proto::FieldError;
use soundstage_proto::user::User;

/// New values for some fields of a user; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// The new nickname.
    pub nickname: Option<String>,
    /// The new mail address.
    pub mail_address: Option<String>,
    /// The new type, as its number on the wire.
    pub user_type: Option<i32>,
}

/// Returns the creation time of a user that is added at the time `now_ms`, both in milliseconds since 1970: a time in the
/// past that comes with an id is kept, so that a deleted user can be restored.
pub fn creation_time(user: &User, now_ms: i64) -> i64 {
    if user.id != 0 && (1..now_ms).contains(&user.created_ms) {
        user.created_ms
    } else {
        now_ms
    }
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
