//! The store of users: one SQLite file. The only modules that know SQL are in this folder.
//!
//! Reads run on the caller's thread: a point read takes microseconds, and handing it to another thread would cost
//! more than the read. All writes go through one [writer](writer) thread, which commits what has queued up in one
//! transaction and answers after the commit, so that adds are durable and fast together.

mod changes;
mod error;
mod events;
mod import;
mod query;
mod readers;
mod schema;
mod search;
mod seed;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use soundstage_proto::{FieldError, UserType};

pub use error::{ErrorKind, StoreError};
pub use events::{Event, EventKind, WatchItem, Watcher};
pub use import::{Batch, DryRun, ImportPlan, Imported, OnConflict, Progress};
pub use query::{Block, Cursor, Filter, Key, Order, Page, PageQuery};
pub use search::Search;
pub use seed::{Seed, SeedError};

use changes::Changes;
use events::Events;
use readers::Readers;
use writer::Writer;

/// A handle on the store; clones share it. The file is closed when the last clone goes.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writer: Writer,
    readers: Arc<Readers>,
    events: Arc<Events>,
}

/// What became of a user to change or remove.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// Done, and on disk: the user as it is now, or as it was before it was removed.
    Done(User),
    /// No user has the id.
    NotFound,
    /// It has changed since the revision that the caller knew; this is how it is.
    Stale(User),
    /// With the change it would break these rules.
    Invalid(Vec<FieldError>),
}

/// New values for some fields of a user; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// The new nickname.
    pub nickname: Option<String>,
    /// The new mail address.
    pub mail_address: Option<String>,
    /// The new type, by its number on the wire.
    pub user_type: Option<i32>,
}

/// What became of a user to add.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// Stored, with the id it has now; on disk.
    Stored(User),
    /// The id is taken; nothing was changed.
    AlreadyExists,
}

impl Store {
    /// Opens the database at `path`; a fresh one is created, with the users of `seed` in it.
    ///
    /// # Errors
    /// When the file is damaged, locked, read-only, not ours, or from a newer version, or the disk is full. Nothing
    /// is changed then.
    pub fn open(path: &Path, seed: &Seed) -> Result<Self, StoreError> {
        let connection = schema::open(path, seed)?;
        let newest = connection
            .query_row("SELECT newest FROM revisions", [], |row| row.get(0))
            .map_err(|error| StoreError::new(path, error))?;
        let readers = Arc::new(Readers::new(path));
        let events = Arc::new(Events::new(newest));
        let writer = Writer::start(path, connection, readers.clone(), events.clone());
        Ok(Self {
            shared: Arc::new(Shared {
                writer,
                readers,
                events,
            }),
        })
    }

    /// Adds a user; id 0 takes the next free one. Returns once it is on disk.
    ///
    /// # Errors
    /// When the database cannot be written, or no id is free; nothing was stored then.
    pub async fn add(&self, user: ValidUser) -> Result<Added, StoreError> {
        let work = move |changes: &mut Changes<'_>| changes.add(&user);
        self.shared.writer.change(work).await
    }

    /// Changes a user, if it is still at the revision given, or whatever its revision for 0. Returns once it is on disk.
    ///
    /// # Errors
    /// When the database cannot be written; nothing was changed then.
    pub async fn update(
        &self,
        id: u32,
        revision: i64,
        update: Update,
    ) -> Result<Changed, StoreError> {
        let work = move |changes: &mut Changes<'_>| changes.update(id, revision, update);
        self.shared.writer.change(work).await
    }

    /// Removes a user, under the same condition. Returns once that is on disk.
    ///
    /// # Errors
    /// When the database cannot be written; nothing was removed then.
    pub async fn delete(&self, id: u32, revision: i64) -> Result<Changed, StoreError> {
        let work = move |changes: &mut Changes<'_>| changes.delete(id, revision);
        self.shared.writer.change(work).await
    }

    /// The user with this id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn get(&self, id: u32) -> Result<Option<User>, StoreError> {
        self.read(|connection| find(connection, id))
    }

    /// Whether there is a user with this id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn contains(&self, id: u32) -> Result<bool, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT 1 FROM users WHERE id = ?1")?
                .exists([id])
        })
    }

    /// Stores a batch of an import that has come as far as `progress`. Returns once it is on disk.
    ///
    /// # Errors
    /// When the database cannot be written, or no id is free; nothing of the batch was stored then.
    pub async fn import(
        &self,
        plan: ImportPlan,
        progress: Progress,
        batch: Batch,
    ) -> Result<Imported, StoreError> {
        let work = move |changes: &mut Changes<'_>| changes.import(&plan, progress, &batch);
        self.shared.writer.change(work).await
    }

    /// How far the import with this id has come; nowhere if it is new.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn import_progress(&self, id: &str) -> Result<Progress, StoreError> {
        let progress = self.read(|connection| import::progress_of(connection, id))?;
        Ok(progress.unwrap_or_default())
    }

    /// What would become of a batch, without storing it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn dry_run_batch(
        &self,
        dry_run: &mut DryRun,
        on_conflict: OnConflict,
        progress: Progress,
        batch: &Batch,
    ) -> Result<Imported, StoreError> {
        self.read(|connection| dry_run.run(connection, on_conflict, progress, batch))
    }

    /// What happens after a sequence number; after 0, what happens from now on.
    pub fn watch(&self, after_sequence: i64) -> Watcher {
        self.shared.events.clone().watch(after_sequence)
    }

    /// A page of users, with how many there are, all as of one moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn page(&self, query: &PageQuery) -> Result<Page, StoreError> {
        self.read(|connection| query.run(connection))
    }

    /// Some of the users that a filter matches, with ids above `after`, by ascending id. Looks at no more than `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn block(&self, filter: &Filter, after: u32, limit: u32) -> Result<Block, StoreError> {
        self.read(|connection| query::block(connection, filter, after, limit))
    }

    /// At most `limit` users of one type with ids above `after`, by ascending id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn block_of_type(
        &self,
        user_type: UserType,
        after: u32,
        limit: u32,
    ) -> Result<Block, StoreError> {
        let user_type = i32::from(user_type);
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, nickname, mail_address, created_ms, updated_ms, revision \
                 FROM users WHERE user_type = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let mut rows = statement.query(params![user_type, after, limit])?;
            let mut users = Vec::with_capacity(limit as usize);
            while let Some(row) = rows.next()? {
                users.push(User {
                    id: row.get(0)?,
                    nickname: text(row, 1)?,
                    mail_address: text(row, 2)?,
                    user_type,
                    created_ms: integer(row, 3)?,
                    updated_ms: integer(row, 4)?,
                    revision: integer(row, 5)?,
                });
            }
            let last = users.last().filter(|_| users.len() == limit as usize);
            Ok(Block {
                after: last.map(|user| user.id),
                users,
            })
        })
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.shared.readers.read(query)
    }
}

/// The user with an id, as any connection sees it.
fn find(connection: &Connection, id: u32) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(
            "SELECT id, nickname, mail_address, user_type, created_ms, updated_ms, revision \
             FROM users WHERE id = ?1",
        )?
        .query_row([id], to_user)
        .optional()
}

fn to_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        nickname: text(row, 1)?,
        mail_address: text(row, 2)?,
        user_type: row.get(3)?,
        created_ms: integer(row, 4)?,
        updated_ms: integer(row, 5)?,
        revision: integer(row, 6)?,
    })
}

/// An integer column, without the conversions that rusqlite has for other types.
fn integer(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64()?)
}

/// A text column, copied once.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(row.get_ref(column)?.as_str()?.to_owned())
}
