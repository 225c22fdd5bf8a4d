//! The store of users: one SQLite file. The only modules that know SQL are in this folder.
//!
//! Reads run on the caller's thread: a point read takes microseconds, and handing it to another thread would cost
//! more than the read. All writes go through one [writer](writer) thread, which commits what has queued up in one
//! transaction and answers after the commit, so that adds are durable and fast together.

mod changes;
mod error;
mod readers;
mod schema;
mod seed;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::{ValidUser, Violation};

pub use error::{Problem, StoreError};
pub use seed::{Seed, SeedError};

use changes::Changes;
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
    Invalid(Vec<Violation>),
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
        let readers = Arc::new(Readers::new(path));
        let writer = Writer::start(path, connection, readers.clone());
        Ok(Self {
            shared: Arc::new(Shared { writer, readers }),
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

    /// At most `limit` users with ids above `after`, by ascending id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn page(&self, after: u32, limit: u32) -> Result<Vec<User>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, nickname, mail_address, user_type, created_ms, updated_ms, revision \
                 FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![after, limit])?;
            let mut users = Vec::with_capacity(limit as usize);
            while let Some(row) = rows.next()? {
                users.push(to_user(row)?);
            }
            Ok(users)
        })
    }

    /// At most `limit` users of one type with ids above `after`, by ascending id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn page_of_type(
        &self,
        user_type: UserType,
        after: u32,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
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
            Ok(users)
        })
    }

    /// How many users there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&self) -> Result<u32, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT total FROM user_count")?
                .query_row([], |row| row.get(0))
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
