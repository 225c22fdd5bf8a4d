//! The requests of a call to the roster, and the reasons for a rejection.

/// A request to put a character on the stage. Its fields are validated.
#[derive(Debug, Clone, Default)]
pub(crate) struct JoinRequest {
    pub(crate) name: String,
    /// A user of the directory; 0 if the character is no user.
    pub(crate) user_id: u32,
    /// Identifies the source across reconnects; empty if the source has no name.
    pub(crate) source: String,
}

/// The reason why a character cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// The stage has reached its limit of characters.
    Full,
    /// The call has reached its limit of characters.
    CallFull,
    /// The calls of the client's address have reached their limit of characters.
    AddressFull,
}

/// The reason why a character cannot be moved or leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MoveError {
    /// The sample names no character, and the call has joined none.
    NotJoined,
    /// No character has ever had this id.
    Unknown,
    /// The character belongs to another call.
    NotYours,
}
