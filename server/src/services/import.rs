//! `ImportUsers`: collects rows into batches, imports them, and streams the rejected rows and the progress.

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use soundstage_proto::FieldError;
use soundstage_proto::user::import_options;
use soundstage_proto::user::{
    FieldFault, ImportOptions, ImportProgress, ImportUsersRequest, ImportUsersResponse, RefusedRow,
};
use soundstage_proto::user_rules::ValidUser;
use tonic::{Status, Streaming};

use super::status;
use crate::directory::{
    Batch, Directory, DirectoryError, DryRun, ImportPlan, Imported, OnConflict, Progress,
};

/// The largest number of rows in a batch. A batch of this size takes about a tenth of a second, which bounds the delay
/// of an add at the same time.
const BATCH: usize = 1024;

/// The longest id of an import, in bytes.
const MAX_ID: usize = 128;

type Responses = Vec<Result<ImportUsersResponse, Status>>;

/// A running import.
struct Import<R> {
    directory: Directory,
    plan: ImportPlan,
    dry_run: Option<DryRun>,
    progress: Progress,
    requests: R,
}

/// The rows of consecutive requests.
#[derive(Default)]
struct Rows {
    batch: Batch,
    /// The line of each row.
    lines: Vec<u32>,
    /// The indexes of the rows that break a rule, with their errors.
    rejected: Vec<(usize, Vec<FieldError>)>,
}

/// Returns the responses of an import, up to the end of the requests or the first error.
pub(super) async fn import(
    directory: Directory,
    mut requests: Streaming<ImportUsersRequest>,
) -> Result<BoxStream<'static, Result<ImportUsersResponse, Status>>, Status> {
    let Some(mut first) = requests.message().await? else {
        return Ok(stream::iter([Ok(progress(Progress::default()))]).boxed());
    };
    let options = first.options.take().unwrap_or_default();
    let (plan, dry_run) = plan(options)?;
    let start = match &plan.id {
        Some(id) => directory.import_progress(id).await?,
        None => Progress::default(),
    };
    let first = first.user.is_some().then_some(Ok(first));
    let import = Import {
        directory,
        plan,
        dry_run,
        progress: start,
        // A batch is the rows that have arrived; it waits for no further row.
        requests: stream::iter(first).chain(requests).ready_chunks(BATCH),
    };
    let batches = stream::unfold(Some(import), |import| async { import?.step().await });
    Ok(stream::iter([Ok(progress(start))])
        .chain(batches.flat_map(stream::iter))
        .boxed())
}

/// Returns the plan of an import, and the state of its dry run if it is one.
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
    // A dry run stores nothing that could be resumed.
    let id = Some(options.import_id).filter(|id| !id.is_empty() && !options.dry_run);
    let dry_run = options.dry_run.then(DryRun::default);
    Ok((ImportPlan { on_conflict, id }, dry_run))
}

impl<R> Import<R>
where
    R: Stream<Item = Vec<Result<ImportUsersRequest, Status>>> + Unpin,
{
    /// Imports the rows that have arrived. Returns the responses, and the import unless it has ended.
    async fn step(mut self) -> Option<(Responses, Option<Self>)> {
        let requests = self.requests.next().await?;
        let (mut rows, failure) = Rows::take(requests);
        let batch = std::mem::take(&mut rows.batch);
        let imported = match self.import_batch(batch).await {
            Ok(imported) => imported,
            Err(error) => return Some((vec![Err(error.into())], None)),
        };
        let (imported, end) = match imported {
            Imported::Whole(progress) => {
                self.progress = progress;
                (rows.lines.len(), failure)
            }
            Imported::UpToConflict(progress, index) => {
                self.progress = progress;
                (index, Some(conflict(rows.lines[index])))
            }
            Imported::Superseded => {
                let status = Status::aborted(
                    "another call has continued this import; read its progress again",
                );
                return Some((vec![Err(status)], None));
            }
        };
        let mut responses = rows.rejections(imported);
        responses.push(Ok(progress(self.progress)));
        match end {
            None => Some((responses, Some(self))),
            Some(status) => {
                responses.push(Err(status));
                Some((responses, None))
            }
        }
    }

    async fn import_batch(&mut self, batch: Batch) -> Result<Imported, DirectoryError> {
        let (directory, plan, progress) = (&self.directory, self.plan.clone(), self.progress);
        match &mut self.dry_run {
            Some(dry_run) => {
                dry_run
                    .import(directory, plan.on_conflict, progress, &batch)
                    .await
            }
            None => directory.import(plan, progress, batch).await,
        }
    }
}

impl Rows {
    /// Returns the rows up to the first failed request, and its status.
    fn take(requests: Vec<Result<ImportUsersRequest, Status>>) -> (Self, Option<Status>) {
        let mut rows = Self::default();
        for request in requests {
            let ImportUsersRequest { user, line, .. } = match request {
                Ok(request) => request,
                Err(status) => return (rows, Some(status)),
            };
            let Some(user) = user else { continue };
            let user = ValidUser::try_from(user)
                .map_err(|errors| rows.rejected.push((rows.batch.len(), errors)));
            rows.batch.push(user.ok());
            rows.lines.push(line);
        }
        (rows, None)
    }

    /// Returns the responses for the rejected rows among the first `count`.
    fn rejections(&self, count: usize) -> Responses {
        let rejected = self.rejected.iter().filter(|(index, _)| *index < count);
        let response = |(index, errors): &(usize, Vec<FieldError>)| {
            let faults = errors.iter().cloned().map(FieldFault::from);
            Ok(ImportUsersResponse {
                refused: Some(RefusedRow {
                    line: self.lines[*index],
                    faults: faults.collect(),
                }),
                progress: None,
            })
        };
        rejected.map(response).collect()
    }
}

fn conflict(line: u32) -> Status {
    Status::already_exists(format!(
        "line {line}: its id is taken; the rows before it are stored"
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
