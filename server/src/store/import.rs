//! Many users at once: a batch of rows within a transaction, and how far an import has come.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;

use super::changes::Changes;
use super::error::ErrorKind;
use super::{Added, Changed, Update, find};

/// How long an import can be taken up again, in milliseconds.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What to do with a row whose id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Leave the stored user as it is.
    Skip,
    /// Put the row in its place, unless they are equal.
    Replace,
    /// Stop there.
    Fail,
}

/// How an import is meant.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportPlan {
    /// What to do with a row whose id is taken.
    pub on_conflict: OnConflict,
    /// The name under which it can be taken up again, if any.
    pub id: Option<String>,
}

/// How far an import has come: counts of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows dealt with, each of them in one of the other counts.
    pub rows: u32,
    /// New users.
    pub added: u32,
    /// Users that have a row's values now.
    pub replaced: u32,
    /// Rows that changed nothing.
    pub skipped: u32,
    /// Rows that broke a rule.
    pub refused: u32,
}

/// Some rows in a row; `None` is one that breaks a rule.
pub type Batch = Vec<Option<ValidUser>>;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// All of it is on disk.
    Whole(Progress),
    /// What came before the row at this place of the batch, whose id is taken.
    UpToConflict(Progress, usize),
    /// Nothing of it: another caller has taken the same import further.
    Superseded,
}

/// What becomes of one row.
enum Outcome {
    Add,
    Replace(User),
    Skip,
    Refuse,
    Conflict,
}

impl OnConflict {
    fn decide(self, row: &User, stored: Option<User>) -> Outcome {
        match (stored, self) {
            (None, _) => Outcome::Add,
            (Some(_), Self::Skip) => Outcome::Skip,
            (Some(_), Self::Fail) => Outcome::Conflict,
            (Some(stored), Self::Replace) => {
                let is_equal = stored.nickname == row.nickname
                    && stored.mail_address == row.mail_address
                    && stored.user_type == row.user_type;
                if is_equal {
                    Outcome::Skip
                } else {
                    Outcome::Replace(stored)
                }
            }
        }
    }
}

impl Progress {
    fn count(&mut self, outcome: &Outcome) {
        *match outcome {
            Outcome::Add => &mut self.added,
            Outcome::Replace(_) => &mut self.replaced,
            Outcome::Skip => &mut self.skipped,
            Outcome::Refuse => &mut self.refused,
            Outcome::Conflict => return,
        } += 1;
        self.rows += 1;
    }
}

/// Deals with the rows of a batch, one after the other, until one is in the way.
fn go_through<E>(
    mut progress: Progress,
    batch: &Batch,
    mut deal_with: impl FnMut(&ValidUser) -> Result<Outcome, E>,
) -> Result<Imported, E> {
    for (place, row) in batch.iter().enumerate() {
        let outcome = match row {
            Some(row) => deal_with(row)?,
            None => Outcome::Refuse,
        };
        if matches!(outcome, Outcome::Conflict) {
            return Ok(Imported::UpToConflict(progress, place));
        }
        progress.count(&outcome);
    }
    Ok(Imported::Whole(progress))
}

impl Changes<'_> {
    /// Stores a batch of an import that is at `progress`.
    pub(super) fn import(
        &mut self,
        plan: &ImportPlan,
        progress: Progress,
        batch: &Batch,
    ) -> Result<Imported, ErrorKind> {
        if let Some(id) = &plan.id
            && progress_of(self.transaction, id)?.unwrap_or_default() != progress
        {
            return Ok(Imported::Superseded);
        }
        let imported = go_through(progress, batch, |row| {
            let stored = match row.id {
                0 => None,
                id => find(self.transaction, id)?,
            };
            let outcome = plan.on_conflict.decide(row, stored);
            self.carry_out(&outcome, row)?;
            Ok::<_, ErrorKind>(outcome)
        })?;
        if let (Some(id), Imported::Whole(progress) | Imported::UpToConflict(progress, _)) =
            (&plan.id, &imported)
        {
            self.keep_progress(id, *progress)?;
        }
        Ok(imported)
    }

    fn carry_out(&mut self, outcome: &Outcome, row: &ValidUser) -> Result<(), ErrorKind> {
        match outcome {
            Outcome::Add => {
                let added = self.add(row)?;
                debug_assert!(matches!(added, Added::Stored(_)), "{row:?}");
            }
            Outcome::Replace(stored) => {
                let update = Update {
                    nickname: Some(row.nickname.clone()),
                    mail_address: Some(row.mail_address.clone()),
                    user_type: Some(row.user_type),
                };
                let changed = self.update(stored.id, stored.revision, update)?;
                debug_assert!(matches!(changed, Changed::Done(_)), "{row:?}");
            }
            Outcome::Skip | Outcome::Refuse | Outcome::Conflict => {}
        }
        Ok(())
    }

    fn keep_progress(&self, id: &str, progress: Progress) -> Result<(), ErrorKind> {
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO imports (id, updated_ms, row_count, added, replaced, skipped, refused) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                self.now_ms,
                progress.rows,
                progress.added,
                progress.replaced,
                progress.skipped,
                progress.refused
            ])?;
        self.transaction
            .prepare_cached("DELETE FROM imports WHERE updated_ms < ?1")?
            .execute([self.now_ms - KEPT_MS])?;
        Ok(())
    }
}

/// How far the import with this id has come, if it has begun.
pub(super) fn progress_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<Progress>> {
    connection
        .prepare_cached(
            "SELECT row_count, added, replaced, skipped, refused FROM imports WHERE id = ?1",
        )?
        .query_row([id], |row| {
            Ok(Progress {
                rows: row.get(0)?,
                added: row.get(1)?,
                replaced: row.get(2)?,
                skipped: row.get(3)?,
                refused: row.get(4)?,
            })
        })
        .optional()
}

/// An import that stores nothing. Knows the ids of the rows before, which would be taken by then.
#[derive(Debug, Default)]
pub struct DryRun {
    ids: HashSet<u32>,
}

impl DryRun {
    /// What would become of a batch.
    pub(super) fn run(
        &mut self,
        connection: &Connection,
        on_conflict: OnConflict,
        progress: Progress,
        batch: &Batch,
    ) -> rusqlite::Result<Imported> {
        go_through(progress, batch, |row| {
            let stored = match row.id {
                0 => None,
                id if self.ids.contains(&id) => Some(User::default()),
                id => find(connection, id)?,
            };
            let outcome = on_conflict.decide(row, stored);
            if row.id > 0 {
                self.ids.insert(row.id);
            }
            Ok(outcome)
        })
    }
}
