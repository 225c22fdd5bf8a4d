//! The changes of one transaction.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{OptionalExtension as _, Transaction, params};
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;

use super::error::ErrorKind;
use super::{rows, search};
use crate::directory::{Added, Changed, Event, EventKind, Update, creation_time};

/// The number of random ids that are tried once the highest id is taken. In a half-full directory, all of these are
/// taken with a probability of 2^-64.
const RANDOM_IDS: u32 = 64;

/// A transaction of changes, which share one time and have consecutive revisions.
pub(super) struct Changes<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    /// The time of the changes, in milliseconds since 1970.
    pub(super) now_ms: i64,
    /// The newest revision that any user has or had.
    revision: i64,
    /// The changes so far, for the event log.
    events: Vec<Event>,
}

impl<'a> Changes<'a> {
    pub(super) fn begin(transaction: &'a Transaction<'a>) -> Result<Self, ErrorKind> {
        let revision = rows::newest_revision(transaction)?;
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

    /// Stores the newest revision, updates the index of grams, and returns the events to append after the commit.
    ///
    /// The index comes last: FTS5 flushes its pending words before every statement that may have to be undone, such as
    /// a change of the users. An earlier update would make FTS5 write a segment for each user, half the cost of an add.
    pub(super) fn finish(self) -> Result<Vec<Event>, ErrorKind> {
        if !self.events.is_empty() {
            self.transaction
                .prepare_cached("UPDATE revisions SET newest = ?1")?
                .execute([self.revision])?;
        }
        for event in &self.events {
            if event.kind != EventKind::Created {
                search::remove(self.transaction, event.user.id).map_err(ErrorKind::of_search)?;
            }
            if event.kind != EventKind::Deleted {
                search::insert(self.transaction, &event.user).map_err(ErrorKind::of_search)?;
            }
        }
        Ok(self.events)
    }

    /// Returns the number of users changed so far.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Records a change.
    fn record(&mut self, kind: EventKind, user: &User) {
        self.revision += 1;
        self.events.push(Event {
            kind,
            sequence: self.revision,
            user: user.clone(),
        });
    }

    /// Adds a user; id 0 takes the next free id.
    pub(super) fn add(&mut self, user: &ValidUser) -> Result<Added, ErrorKind> {
        let user = User {
            id: if user.id == 0 {
                self.next_free_id()?
            } else {
                user.id
            },
            created_ms: creation_time(user, self.now_ms),
            updated_ms: self.now_ms,
            revision: self.revision + 1,
            ..User::clone(user)
        };
        let inserted = self
            .transaction
            .prepare_cached(
                "INSERT INTO users (id, nickname, mail_address, user_type, created_ms, updated_ms, revision) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![
                user.id,
                user.nickname,
                user.mail_address,
                user.user_type,
                user.created_ms,
                user.updated_ms,
                user.revision
            ])?;
        if inserted == 0 {
            return Ok(Added::AlreadyExists);
        }
        self.record(EventKind::Created, &user);
        Ok(Added::Stored(user))
    }

    /// Changes some fields of a user that is at `revision`; 0 matches any.
    pub(super) fn update(
        &mut self,
        id: u32,
        revision: i64,
        update: Update,
    ) -> Result<Changed, ErrorKind> {
        let user = match self.at_revision(id, revision)? {
            Ok(user) => user,
            Err(outcome) => return Ok(outcome),
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
            Err(errors) => return Ok(Changed::Invalid(errors)),
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
        self.record(EventKind::Changed, &user);
        Ok(Changed::Done(User::clone(&user)))
    }

    /// Removes a user that is at `revision`; 0 matches any.
    pub(super) fn delete(&mut self, id: u32, revision: i64) -> Result<Changed, ErrorKind> {
        let user = match self.at_revision(id, revision)? {
            Ok(user) => user,
            Err(outcome) => return Ok(outcome),
        };
        self.transaction
            .prepare_cached("DELETE FROM users WHERE id = ?1")?
            .execute([id])?;
        // A removal has a revision too: a later user with the same id must not reuse a revision that a caller knows.
        self.record(EventKind::Deleted, &user);
        Ok(Changed::Done(user))
    }

    /// Returns the user at this revision, or the outcome for the caller.
    fn at_revision(&self, id: u32, revision: i64) -> Result<Result<User, Changed>, ErrorKind> {
        Ok(match rows::find(self.transaction, id)? {
            None => Err(Changed::NotFound),
            Some(user) if revision != 0 && user.revision != revision => Err(Changed::Stale(user)),
            Some(user) => Ok(user),
        })
    }

    /// Returns a free id: the id above the highest or, if the highest possible id is taken, another id after at most
    /// [`RANDOM_IDS`] + 32 look-ups.
    ///
    /// A look-up of the lowest free id would read every user up to it, on the only thread that writes.
    fn next_free_id(&self) -> Result<u32, ErrorKind> {
        let highest: u32 = self
            .transaction
            .prepare_cached("SELECT coalesce(max(id), 0) FROM users")?
            .query_row([], |row| row.get(0))?;
        if let Some(next) = highest.checked_add(1) {
            return Ok(next);
        }
        let random = RandomState::new();
        for number in 0..RANDOM_IDS {
            let id = (random.hash_one(number) as u32).max(1);
            if !rows::exists(self.transaction, id)? {
                return self.bisect_free_id(id);
            }
        }
        self.lowest_free_id()
    }

    /// Returns a free id right above a taken id, or id 1, by bisection below the id `free`. So the ids of a directory
    /// that is dense except for its highest ids stay dense.
    fn bisect_free_id(&self, mut free: u32) -> Result<u32, ErrorKind> {
        let mut taken = 0;
        while free - taken > 1 {
            let middle = taken + (free - taken) / 2;
            if rows::exists(self.transaction, middle)? {
                taken = middle;
            } else {
                free = middle;
            }
        }
        Ok(free)
    }

    /// Returns the lowest free id. Reads every user below it.
    fn lowest_free_id(&self) -> Result<u32, ErrorKind> {
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
