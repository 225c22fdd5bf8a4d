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

impl Changes<'_> {
    /// Stores the next batch of an import that has reached `progress`.
    pub(super) fn import(
        &mut self,
        plan: &ImportPlan,
        progress: Progress,
        batch: &Batch,
    ) -> Result<Imported, ErrorKind> {
        if let Some(id) = &plan.id
            && find_progress(self.transaction, id)? != progress
        {
            return Ok(Imported::Superseded);
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
            Decision::Skip | Decision::Refuse | Decision::Conflict => {}
        }
        Ok(())
    }

    fn store_progress(&self, id: &str, progress: Progress) -> Result<(), ErrorKind> {
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

/// Returns the progress of the import with this id; all zeros if the id is unknown.
pub(super) fn find_progress(connection: &Connection, id: &str) -> rusqlite::Result<Progress> {
    let progress = connection
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
        .optional()?;
    Ok(progress.unwrap_or_default())
}
