//! The errors of the directory, the same for every store.

/// The reason why a call on the directory failed. The text in a variant is the store's own sentence; it names the file
/// or the server and says what to do. It is for the operator's log, not for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The stored data is damaged or contradicts itself.
    #[error("{0}")]
    Damaged(String),
    /// Another program has locked the data for longer than the store waits.
    #[error("{0}")]
    Locked(String),
    /// The data cannot be written.
    #[error("{0}")]
    ReadOnly(String),
    /// No space is left; nothing was stored.
    #[error("{0}")]
    Full(String),
    /// The store has stopped and makes no more changes.
    #[error("{0}")]
    Closed(String),
    /// The search index was damaged and is being rebuilt.
    #[error("{0}")]
    Rebuilding(String),
    /// Any other failure of the store.
    #[error("{0}")]
    Failed(String),
    /// Every id from 1 to 4,294,967,295 is taken.
    #[error("every user id is taken")]
    NoFreeId,
    /// The queue of slow reads is full.
    #[error("too many searches and exports are waiting")]
    Overloaded,
    /// A search or an export has reached the time limit of a read.
    #[error("a search or an export took too long")]
    TooSlow,
    /// The store keeps no more import names, and all of its names were used within the last hour.
    #[error("too many imports have a name")]
    TooManyImports,
}
