//! The directory of users: its types, its rules, and the boundary between services and the database.
//!
//! # Overview
//!
//! Services call a [`Directory`], a handle that is cheap to clone. Behind it is a [`Store`]: one database that
//! implements the trait. This module holds everything that is the same for every store and knows neither SQL nor tonic
//! nor HTTP:
//!
//! - `change`, `query`, `import`: the requests to a store, and their outcomes,
//! - `search`: how text is normalized and cut into grams, which a store indexes,
//! - `watch`: the log of recent events, which a store appends to after each commit,
//! - `seed`: the users of a fresh directory,
//! - `error`: the errors, without the detail of a database.
//!
//! # Concurrency
//!
//! Reads and changes of a store return an [`Answer`], a future. A store may do work of a bounded, small cost on the
//! caller's thread and return a ready answer: a point read, or a page or block that an index leads to. Work whose cost
//! grows with the directory (a search, an export, a large skip, the lookups of a dry run) must not block the caller's
//! thread, must be bounded in number, and must end soon after its answer is dropped. Beyond the bound a store fails
//! with [`DirectoryError::Overloaded`], or waits, as [`WhenBusy`] says. Streams cross the boundary in blocks of users,
//! so a store holds no transaction open for a slow client.
//!
//! # Lifecycle
//!
//! The server opens a store while it already answers connections, and makes it a directory once the store is ready.
//! Calls clone the handle; the last clone closes the store, which first commits the changes in its queue.
//!
//! # Invariants
//!
//! - Only a [`ValidUser`](soundstage_proto::user_rules::ValidUser) is stored.
//! - A change is answered after its commit is durable. No answer comes from a transaction that may still fail.
//! - Revisions count all changes of all users, in commit order. No two states of any user share a revision, even if
//!   the user was deleted and added again. The sequence number of an event is the revision of its change.
//! - A read that begins after a change was answered sees the change.
//! - The progress of an import commits together with the batch that it counts.

mod answer;
mod change;
mod error;
mod import;
mod query;
mod search;
mod seed;
mod store;
mod watch;

use std::ops::Deref;
use std::sync::Arc;

pub use answer::Answer;
pub use change::{Added, Changed, Update, creation_time};
pub use error::DirectoryError;
pub use import::{
    Batch, Decision, DryRun, ImportPlan, Imported, OnConflict, Progress, process_batch,
};
pub use query::{Block, Cursor, Filter, Key, Order, Page, PageQuery};
pub use search::{Search, for_each_gram};
pub use seed::{Seed, SeedError};
pub use store::{Store, WhenBusy};
pub use watch::{Event, EventKind, EventLog, WatchItem, Watcher};

/// A shared handle on a store, with the methods of [`Store`].
#[derive(Debug, Clone)]
pub struct Directory(Arc<dyn Store>);

impl Directory {
    /// Returns a handle on `store`.
    pub fn new(store: impl Store + 'static) -> Self {
        Self(Arc::new(store))
    }
}

impl Deref for Directory {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
