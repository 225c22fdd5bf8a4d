//! The store of users: one SQLite file. The only modules that know SQL are in this folder.
//!
//! Reads run on the caller's thread: a point read takes microseconds, and handing it to another thread would cost
//! more than the read. All writes go through one [writer](writer) thread, which commits what has queued up in one
//! transaction and answers after the commit, so that adds are durable and fast together.

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
use soundstage_proto::user_rules::ValidUser;

pub use error::{Problem, StoreError};
pub use seed::{Seed, SeedError};

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
        self.shared.writer.add(user).await
    }

    /// The user with this id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn get(&self, id: u32) -> Result<Option<User>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, nickname, mail_address, user_type FROM users WHERE id = ?1",
                )?
                .query_row([id], to_user)
                .optional()
        })
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
                "SELECT id, nickname, mail_address, user_type FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
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
                "SELECT id, nickname, mail_address FROM users WHERE user_type = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let mut rows = statement.query(params![user_type, after, limit])?;
            let mut users = Vec::with_capacity(limit as usize);
            while let Some(row) = rows.next()? {
                users.push(User { id: row.get(0)?, nickname: text(row, 1)?, mail_address: text(row, 2)?, user_type });
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

fn to_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        nickname: text(row, 1)?,
        mail_address: text(row, 2)?,
        user_type: row.get(3)?,
    })
}

/// A text column, copied once.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(row.get_ref(column)?.as_str()?.to_owned())
}
