//! What can be done to the users within one transaction.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{OptionalExtension as _, Transaction, params};
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;

use super::error::ErrorKind;
use super::events::{Event, EventKind};
use super::{Added, Changed, Update, find, search};

/// The changes of one transaction, which share their time and count their revisions on.
pub(super) struct Changes<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) now_ms: i64,
    /// The newest revision that a user has or had.
    revision: i64,
    /// What has been done, to be told after the commit.
    events: Vec<Event>,
}

impl<'a> Changes<'a> {
    pub(super) fn begin(transaction: &'a Transaction<'a>) -> Result<Self, ErrorKind> {
        let revision = transaction
            .prepare_cached("SELECT newest FROM revisions")?
            .query_row([], |row| row.get(0))?;
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Self {
            transaction,
            now_ms: i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX),
            revision,
            events: Vec::new(),
        })
    }

    /// Keeps the count of revisions and the index of grams, and returns what to tell once it has been committed.
    ///
    /// The index comes last: FTS5 writes what it has gathered whenever a statement begins that may have to be undone, as those
    /// on the users are, so in between it would write a part of its own for each user.
    pub(super) fn finish(self) -> Result<Vec<Event>, ErrorKind> {
        if !self.events.is_empty() {
            self.transaction
                .prepare_cached("UPDATE revisions SET newest = ?1")?
                .execute([self.revision])?;
        }
        for event in &self.events {
            if event.kind != EventKind::Created {
                search::remove(self.transaction, event.user.id)?;
            }
            if event.kind != EventKind::Deleted {
                search::insert(self.transaction, &event.user)?;
            }
        }
        Ok(self.events)
    }

    /// Counts a change that has been made.
    fn note(&mut self, kind: EventKind, user: &User) {
        self.revision += 1;
        self.events.push(Event {
            kind,
            sequence: self.revision,
            user: user.clone(),
        });
    }

    /// Adds one user; id 0 takes the next free one.
    pub(super) fn add(&mut self, user: &ValidUser) -> Result<Added, ErrorKind> {
        let user = User {
            id: if user.id == 0 {
                self.next_free_id()?
            } else {
                user.id
            },
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            revision: self.revision + 1,
            ..User::clone(user)
        };
        let inserted = self
            .transaction
            .prepare_cached(
                "INSERT INTO users (id, nickname, mail_address, user_type, created_ms, updated_ms, revision) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                user.id,
                user.nickname,
                user.mail_address,
                user.user_type,
                user.created_ms,
                user.revision
            ])?;
        if inserted == 0 {
            return Ok(Added::AlreadyExists);
        }
        self.note(EventKind::Created, &user);
        Ok(Added::Stored(user))
    }

    /// Changes some fields of a user, unless it has changed since `revision`; 0 is any.
    pub(super) fn update(
        &mut self,
        id: u32,
        revision: i64,
        update: Update,
    ) -> Result<Changed, ErrorKind> {
        let user = match self.at_revision(id, revision)? {
            Ok(user) => user,
            Err(refused) => return Ok(refused),
        };
        let changed = User {
            nickname: update.nickname.unwrap_or(user.nickname),
            mail_address: update.mail_address.unwrap_or(user.mail_address),
            user_type: update.user_type.unwrap_or(user.user_type),
            updated_ms: self.now_ms,
            revision: self.revision + 1,
            ..user
        };
        let user = match ValidUser::try_from(changed) {
            Ok(user) => user,
            Err(violations) => return Ok(Changed::Invalid(violations)),
        };
        self.transaction
            .prepare_cached(
                "UPDATE users SET nickname = ?2, mail_address = ?3, user_type = ?4, updated_ms = ?5, revision = ?6 \
                 WHERE id = ?1",
            )?
            .execute(params![
                user.id,
                user.nickname,
                user.mail_address,
                user.user_type,
                user.updated_ms,
                user.revision
            ])?;
        self.note(EventKind::Changed, &user);
        Ok(Changed::Done(User::clone(&user)))
    }

    /// Removes a user, unless it has changed since `revision`; 0 is any.
    pub(super) fn delete(&mut self, id: u32, revision: i64) -> Result<Changed, ErrorKind> {
        let user = match self.at_revision(id, revision)? {
            Ok(user) => user,
            Err(refused) => return Ok(refused),
        };
        self.transaction
            .prepare_cached("DELETE FROM users WHERE id = ?1")?
            .execute([id])?;
        // A removal is counted too: a user that gets the id later must not have a revision that somebody knows.
        self.note(EventKind::Deleted, &user);
        Ok(Changed::Done(user))
    }

    /// The user, or why it is not the one that the caller means.
    fn at_revision(&self, id: u32, revision: i64) -> Result<Result<User, Changed>, ErrorKind> {
        Ok(match find(self.transaction, id)? {
            None => Err(Changed::NotFound),
            Some(user) if revision != 0 && user.revision != revision => Err(Changed::Stale(user)),
            Some(user) => Ok(user),
        })
    }

    /// One above the highest id; when that is the last there is, the lowest free one.
    fn next_free_id(&self) -> Result<u32, ErrorKind> {
        let highest: u32 = self
            .transaction
            .prepare_cached("SELECT coalesce(max(id), 0) FROM users")?
            .query_row([], |row| row.get(0))?;
        if let Some(next) = highest.checked_add(1) {
            return Ok(next);
        }
        let lowest_free: Option<u32> = self
            .transaction
            .prepare_cached(
                "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = 1) UNION ALL \
                 SELECT id + 1 FROM users AS taken \
                 WHERE id < 4294967295 AND NOT EXISTS (SELECT 1 FROM users WHERE id = taken.id + 1) LIMIT 1",
            )?
            .query_row([], |row| row.get(0))
            .optional()?;
        lowest_free.ok_or(ErrorKind::NoFreeId)
    }
}
