//! `ImportUsers`: rows come in, batches go to the store, refusals and counts go out.

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use soundstage_proto::FieldError;
use soundstage_proto::user::import_options;
use soundstage_proto::user::{
    FieldFault, ImportOptions, ImportProgress, ImportUsersRequest, ImportUsersResponse, RefusedRow,
};
use soundstage_proto::user_rules::ValidUser;
use tonic::{Status, Streaming};

use super::status;
use crate::store::{Batch, DryRun, ImportPlan, Imported, OnConflict, Progress, Store};

/// Rows that are stored at once, in about a tenth of a second: as long as somebody who adds a user meanwhile waits at most.
const BATCH: usize = 1024;

/// The longest id of an import, in bytes.
const MAX_ID: usize = 128;

type Answers = Vec<Result<ImportUsersResponse, Status>>;

/// An import that is under way.
struct Import<R> {
    store: Store,
    plan: ImportPlan,
    dry_run: Option<DryRun>,
    progress: Progress,
    requests: R,
}

/// The rows of some requests.
#[derive(Default)]
struct Rows {
    batch: Batch,
    /// The lines, in the same order.
    lines: Vec<u32>,
    /// What is wrong with those that break a rule, with their places in the batch.
    refused: Vec<(usize, Vec<FieldError>)>,
}

/// Answers an import until its requests end, or it does.
pub(super) async fn import(
    store: Store,
    mut requests: Streaming<ImportUsersRequest>,
) -> Result<BoxStream<'static, Result<ImportUsersResponse, Status>>, Status> {
    let Some(mut first) = requests.message().await? else {
        return Ok(stream::iter([Ok(progress(Progress::default()))]).boxed());
    };
    let options = first.options.take().unwrap_or_default();
    let (plan, dry_run) = plan(options)?;
    let begun = match &plan.id {
        Some(id) => store.import_progress(id)?,
        None => Progress::default(),
    };
    let first = first.user.is_some().then_some(Ok(first));
    let import = Import {
        store,
        plan,
        dry_run,
        progress: begun,
        // What has arrived is stored together; nothing waits for more.
        requests: stream::iter(first).chain(requests).ready_chunks(BATCH),
    };
    let batches = stream::unfold(Some(import), |import| async { import?.step().await });
    Ok(stream::iter([Ok(progress(begun))])
        .chain(batches.flat_map(stream::iter))
        .boxed())
}

fn plan(options: ImportOptions) -> Result<(ImportPlan, Option<DryRun>), Status> {
    use import_options::OnConflict as Wire;
    let on_conflict = match Wire::try_from(options.on_conflict) {
        Ok(Wire::Skip) => OnConflict::Skip,
        Ok(Wire::Replace) => OnConflict::Replace,
        Ok(Wire::Fail) => OnConflict::Fail,
        Err(_) => {
            return Err(status::invalid_field(
                "options.on_conflict",
                "Choose SKIP, REPLACE or FAIL.",
            ));
        }
    };
    if options.import_id.len() > MAX_ID {
        return Err(status::invalid_field(
            "options.import_id",
            "Use at most 128 bytes.",
        ));
    }
    // A dry_run leaves nothing to take up.
    let id = Some(options.import_id).filter(|id| !id.is_empty() && !options.dry_run);
    let dry_run = options.dry_run.then(DryRun::default);
    Ok((ImportPlan { on_conflict, id }, dry_run))
}

impl<R> Import<R>
where
    R: Stream<Item = Vec<Result<ImportUsersRequest, Status>>> + Unpin,
{
    /// Deals with the requests that have arrived. What is left of the import is `None` after its end.
    async fn step(mut self) -> Option<(Answers, Option<Self>)> {
        let requests = self.requests.next().await?;
        let (mut rows, failure) = Rows::take(requests);
        let batch = std::mem::take(&mut rows.batch);
        let imported = match self.store_rows(batch).await {
            Ok(imported) => imported,
            Err(status) => return Some((vec![Err(status)], None)),
        };
        let (whole, end) = match imported {
            Imported::Whole(progress) => {
                self.progress = progress;
                (rows.lines.len(), failure)
            }
            Imported::UpToConflict(progress, place) => {
                self.progress = progress;
                (place, Some(conflict(rows.lines[place])))
            }
            Imported::Superseded => {
                let status = Status::aborted(
                    "this import is being taken further by another call; ask again how far it is",
                );
                return Some((vec![Err(status)], None));
            }
        };
        let mut answers = rows.refusals(whole);
        answers.push(Ok(progress(self.progress)));
        match end {
            None => Some((answers, Some(self))),
            Some(status) => {
                answers.push(Err(status));
                Some((answers, None))
            }
        }
    }

    async fn store_rows(&mut self, batch: Batch) -> Result<Imported, Status> {
        let (plan, progress) = (self.plan.clone(), self.progress);
        if let Some(dry_run) = &mut self.dry_run {
            let imported = self
                .store
                .dry_run_batch(dry_run, plan.on_conflict, progress, &batch)?;
            return Ok(imported);
        }
        Ok(self.store.import(plan, progress, batch).await?)
    }
}

impl Rows {
    /// The rows up to the first request that failed, and how it did.
    fn take(requests: Vec<Result<ImportUsersRequest, Status>>) -> (Self, Option<Status>) {
        let mut rows = Self::default();
        for request in requests {
            let ImportUsersRequest { user, line, .. } = match request {
                Ok(request) => request,
                Err(status) => return (rows, Some(status)),
            };
            let Some(user) = user else { continue };
            let user = ValidUser::try_from(user)
                .map_err(|errors| rows.refused.push((rows.batch.len(), errors)));
            rows.batch.push(user.ok());
            rows.lines.push(line);
        }
        (rows, None)
    }

    /// The rows that were refused, among the first so many.
    fn refusals(&self, count: usize) -> Answers {
        let refused = self.refused.iter().filter(|(place, _)| *place < count);
        let answer = |(place, errors): &(usize, Vec<FieldError>)| {
            let faults = errors.iter().cloned().map(FieldFault::from);
            Ok(ImportUsersResponse {
                refused: Some(RefusedRow {
                    line: self.lines[*place],
                    faults: faults.collect(),
                }),
                progress: None,
            })
        };
        refused.map(answer).collect()
    }
}

fn conflict(line: u32) -> Status {
    Status::already_exists(format!(
        "line {line}: its id is taken; what comes before it is stored"
    ))
}

fn progress(progress: Progress) -> ImportUsersResponse {
    let Progress {
        rows,
        added,
        replaced,
        skipped,
        refused,
    } = progress;
    ImportUsersResponse {
        progress: Some(ImportProgress {
            rows,
            added,
            replaced,
            skipped,
            refused,
        }),
        refused: None,
    }
}
