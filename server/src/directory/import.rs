//! Imports: batches of rows, the decision about each row, and the progress.

use std::collections::HashMap;

use roaring::RoaringBitmap;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;

use super::{Directory, DirectoryError, WhenBusy};

/// The treatment of a row whose id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Keeps the stored user.
    Skip,
    /// Replaces the stored user, unless it equals the row.
    Replace,
    /// Ends the import.
    Fail,
}

/// The options of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportPlan {
    /// The treatment of a row whose id is taken.
    pub on_conflict: OnConflict,
    /// The name under which the import can be resumed, if any.
    pub id: Option<String>,
}

/// The progress of an import, in rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows processed: the sum of the other counts.
    pub rows: u32,
    /// Rows that became new users.
    pub added: u32,
    /// Rows that replaced a stored user.
    pub replaced: u32,
    /// Rows that changed nothing.
    pub skipped: u32,
    /// Rows that break a rule.
    pub refused: u32,
}

/// Consecutive rows of an import; `None` is a row that breaks a rule.
pub type Batch = Vec<Option<ValidUser>>;

/// The outcome of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// The whole batch is durable.
    Whole(Progress),
    /// The rows before this index of the batch are durable; the id of the row at the index is taken.
    UpToConflict(Progress, usize),
    /// Nothing was stored, because another caller has continued the same import.
    Superseded,
}

/// The decision about one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The row is a new user.
    Add,
    /// The row replaces this stored user.
    Replace(User),
    /// The row changes nothing.
    Skip,
    /// The row breaks a rule.
    Reject,
    /// The import ends before the row.
    Conflict,
}

impl OnConflict {
    /// Decides about a valid row, given the stored user with the row's id.
    pub fn decide(self, row: &User, stored: Option<User>) -> Decision {
        match (stored, self) {
            (None, _) => Decision::Add,
            (Some(_), Self::Skip) => Decision::Skip,
            (Some(_), Self::Fail) => Decision::Conflict,
            (Some(stored), Self::Replace) => {
                let is_equal = stored.nickname == row.nickname
                    && stored.mail_address == row.mail_address
                    && stored.user_type == row.user_type;
                if is_equal {
                    Decision::Skip
                } else {
                    Decision::Replace(stored)
                }
            }
        }
    }
}

impl Progress {
    fn count(&mut self, decision: &Decision) {
        *match decision {
            Decision::Add => &mut self.added,
            Decision::Replace(_) => &mut self.replaced,
            Decision::Skip => &mut self.skipped,
            Decision::Reject => &mut self.refused,
            Decision::Conflict => return,
        } += 1;
        self.rows += 1;
    }
}

/// Calls `process` with each valid row of a batch, in order, and counts its decisions up to the first conflict.
///
/// # Errors
/// Returns the first error of `process`.
pub fn process_batch<E>(
    mut progress: Progress,
    batch: &Batch,
    mut process: impl FnMut(&ValidUser) -> Result<Decision, E>,
) -> Result<Imported, E> {
    for (index, row) in batch.iter().enumerate() {
        let decision = match row {
            Some(row) => process(row)?,
            None => Decision::Reject,
        };
        if decision == Decision::Conflict {
            return Ok(Imported::UpToConflict(progress, index));
        }
        progress.count(&decision);
    }
    Ok(Imported::Whole(progress))
}

/// An import that stores nothing. Remembers the ids of earlier rows, which a real import would have taken.
#[derive(Debug, Default)]
pub struct DryRun {
    /// The ids of the rows so far. The bitmap takes two bytes for an id at most, and a bit where ids are close together.
    ids: RoaringBitmap,
    has_begun: bool,
}

impl DryRun {
    /// Returns the outcome that the next batch would have.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be read, or is overloaded as the dry run begins.
    pub async fn import(
        &mut self,
        directory: &Directory,
        on_conflict: OnConflict,
        progress: Progress,
        batch: &Batch,
    ) -> Result<Imported, DirectoryError> {
        let when_busy = if std::mem::replace(&mut self.has_begun, true) {
            WhenBusy::Wait
        } else {
            WhenBusy::Refuse
        };
        let ids = batch.iter().flatten().map(|row| row.id);
        let ids = ids.filter(|id| *id > 0).collect();
        let stored = directory.get_many(ids, when_busy).await?;
        let mut stored: HashMap<u32, User> =
            stored.into_iter().map(|user| (user.id, user)).collect();
        process_batch(progress, batch, |row| {
            let is_repeated = row.id > 0 && !self.ids.insert(row.id);
            let stored = if is_repeated {
                Some(User::default())
            } else {
                stored.remove(&row.id)
            };
            Ok(on_conflict.decide(row, stored))
        })
    }
}
