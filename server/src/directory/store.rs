//! [`Store`]: the interface of a database that holds the directory.

use std::fmt;

use futures_util::future::BoxFuture;
use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;

use super::{
    Added, Answer, Batch, Block, Changed, DirectoryError, Filter, ImportPlan, Imported, Page,
    PageQuery, Progress, Update, Watcher,
};

/// The behaviour of a slow read if the store's queue of slow reads is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBusy {
    /// Fails with [`DirectoryError::Overloaded`]. For the first read of a call.
    Refuse,
    /// Waits until the queue has room. For the later reads of a stream, which must not fail halfway.
    Wait,
}

/// A database of users.
///
/// Reads and changes fail with a [`DirectoryError`] if the database cannot be used. A read sees every change that was
/// answered before the read began. A change is answered once it is durable; if it fails, nothing of it is stored.
/// `tests/directory/` is the conformance suite of this trait.
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the user with this id.
    fn get(&self, id: u32) -> Answer<'_, Option<User>>;

    /// Returns whether a user has this id.
    fn contains(&self, id: u32) -> Answer<'_, bool>;

    /// Returns the users with these ids that exist, in no particular order.
    fn get_many(&self, ids: Vec<u32>, when_busy: WhenBusy) -> Answer<'_, Vec<User>>;

    /// Returns a page of users and the total, both as of one moment.
    fn page(&self, query: PageQuery) -> Answer<'_, Page>;

    /// Returns users that match `filter` with ids above `after`, by ascending id. Examines at most `limit` users, so
    /// the block may be empty although more users follow. Each user is a `User` message.
    fn block(
        &self,
        filter: &Filter,
        after: u32,
        limit: u32,
        when_busy: WhenBusy,
    ) -> Answer<'static, Block>;

    /// Returns at most `limit` users of one type with ids above `after`, by ascending id. Each user is a `UserResponse`
    /// message.
    fn block_of_type(&self, user_type: UserType, after: u32, limit: u32) -> Answer<'static, Block>;

    /// Adds a user. Id 0 takes a free id: one above the highest, or any other if the highest id is taken.
    fn add(&self, user: ValidUser) -> Answer<'_, Added>;

    /// Changes a user that is at this revision; revision 0 matches any.
    fn update(&self, id: u32, revision: i64, update: Update) -> Answer<'_, Changed>;

    /// Removes a user that is at this revision; revision 0 matches any.
    fn delete(&self, id: u32, revision: i64) -> Answer<'_, Changed>;

    /// Stores the next batch of an import that has reached `progress`, and its new progress in the same transaction.
    fn import(&self, plan: ImportPlan, progress: Progress, batch: Batch) -> Answer<'_, Imported>;

    /// Returns the progress of the import with this id; all zeros if the id is unknown.
    fn import_progress(&self, id: &str) -> Answer<'_, Progress>;

    /// Returns the events after this sequence number; after 0, the events from now on.
    fn watch(&self, after_sequence: i64) -> Watcher;

    /// Waits until the store can make no more changes, and returns the reason. Pending while the store works.
    fn stopped(&self) -> BoxFuture<'static, DirectoryError>;
}
