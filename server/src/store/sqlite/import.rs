//! Imports: a batch of rows within a transaction, and the stored progress.

use rusqlite::{Connection, OptionalExtension as _, params};
use soundstage_proto::user_rules::ValidUser;

use super::changes::Changes;
use super::error::ErrorKind;
use super::rows;
use crate::directory::{
    Added, Batch, Changed, Decision, ImportPlan, Imported, Progress, Update, process_batch,
};

/// The time for which an import can be resumed, in milliseconds: a week.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The number of imports that can be resumed. Past it, the imports that have paused longest are forgotten.
const MAX_NAMES: i64 = 10_000;

/// The time for which a paused import is kept even if there are too many, in milliseconds: an hour. A client resumes
/// within seconds; the rows of an import that is forgotten too early would be added twice.
const SURELY_KEPT_MS: i64 = 60 * 60 * 1000;

/// The largest number of imports that the store forgets when an import begins, so that the transaction stays short.
/// More than one, so that a file with too many imports shrinks.
const FORGOTTEN_AT_ONCE: i64 = 16;

impl Changes<'_> {
    /// Stores the next batch of an import that has reached `progress`.
    pub(super) fn import(
        &mut self,
        plan: &ImportPlan,
        progress: Progress,
        batch: &Batch,
    ) -> Result<Imported, ErrorKind> {
        if let Some(id) = &plan.id {
            let stored = stored_progress(self.transaction, id)?;
            if stored.unwrap_or_default() != progress {
                return Ok(Imported::Superseded);
            }
            if stored.is_none() {
                self.make_room_for_a_name()?;
            }
        }
        let imported = process_batch(progress, batch, |row| {
            let stored = match row.id {
                0 => None,
                id => rows::find(self.transaction, id)?,
            };
            let decision = plan.on_conflict.decide(row, stored);
            self.carry_out(&decision, row)?;
            Ok::<_, ErrorKind>(decision)
        })?;
        if let (Some(id), Imported::Whole(progress) | Imported::UpToConflict(progress, _)) =
            (&plan.id, &imported)
        {
            self.store_progress(id, *progress)?;
        }
        Ok(imported)
    }

    fn carry_out(&mut self, decision: &Decision, row: &ValidUser) -> Result<(), ErrorKind> {
        match decision {
            Decision::Add => {
                let added = self.add(row)?;
                debug_assert!(matches!(added, Added::Stored(_)), "{row:?}");
            }
            Decision::Replace(stored) => {
                let update = Update {
                    nickname: Some(row.nickname.clone()),
                    mail_address: Some(row.mail_address.clone()),
                    user_type: Some(row.user_type),
                };
                let changed = self.update(stored.id, stored.revision, update)?;
                debug_assert!(matches!(changed, Changed::Done(_)), "{row:?}");
            }
            Decision::Skip | Decision::Reject | Decision::Conflict => {}
        }
        Ok(())
    }

    /// Forgets the names of old imports.
    ///
    /// # Errors
    /// Returns an error, before any change, if there are too many names and all were used within the last hour.
    fn make_room_for_a_name(&self) -> Result<(), ErrorKind> {
        let total: i64 = self
            .transaction
            .prepare_cached("SELECT total FROM import_count")?
            .query_row([], |row| row.get(0))?;
        let is_full = total >= MAX_NAMES;
        let kept_ms = if is_full { SURELY_KEPT_MS } else { KEPT_MS };
        let forgotten = self
            .transaction
            .prepare_cached(
                "DELETE FROM imports WHERE id IN \
                 (SELECT id FROM imports WHERE updated_ms < ?1 ORDER BY updated_ms LIMIT ?2)",
            )?
            .execute([self.now_ms - kept_ms, FORGOTTEN_AT_ONCE])?;
        if is_full && forgotten == 0 {
            return Err(ErrorKind::TooManyImports);
        }
        Ok(())
    }

    fn store_progress(&self, id: &str, progress: Progress) -> Result<(), ErrorKind> {
        self.transaction
            .prepare_cached(
                "INSERT INTO imports (id, updated_ms, row_count, added, replaced, skipped, refused) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET \
                 updated_ms = ?2, row_count = ?3, added = ?4, replaced = ?5, skipped = ?6, refused = ?7",
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
        Ok(())
    }
}

/// Returns the progress of the import with this id; all zeros if the id is unknown.
pub(super) fn find_progress(connection: &Connection, id: &str) -> rusqlite::Result<Progress> {
    Ok(stored_progress(connection, id)?.unwrap_or_default())
}

fn stored_progress(connection: &Connection, id: &str) -> rusqlite::Result<Option<Progress>> {
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
