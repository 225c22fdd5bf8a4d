//! The writer: one thread makes all changes, and commits the changes in its queue together (group commit).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::changes::Changes;
use super::error::{ErrorKind, StoreError};
use super::file::Place;
use super::job::{Job, Pending, receive_within};
use super::read_pool::ReadGate;
use super::readers::Readers;
use super::repair::Repair;
use super::{schema, search};
use crate::directory::{Answer, DirectoryError, Event, EventLog};

/// The largest number of changes in the queue, and in one transaction; further callers wait. More changes in one
/// transaction save nothing, since the sync of the disk is then a small part of its time.
const QUEUE: usize = 1024;

/// The number of changed users after which a transaction is committed, although more changes are queued: the batch of
/// one import, so that other callers do not wait for the batches of several imports.
const MAX_CHANGED: usize = 1024;

/// The time after which a transaction is committed, although more changes are queued: rows that change nothing take
/// time too.
const MAX_TIME: Duration = Duration::from_millis(100);

/// The time for which the writer waits for reads to end before it looks at its queue again.
const IDLE_WAIT: Duration = Duration::from_millis(5);

/// The time without a change after which the writer merges segments of the index of grams.
const IDLE_BEFORE_MERGE: Duration = Duration::from_millis(50);

/// The time for which a reset of the log waits for readers: point reads end within microseconds.
const RESET_TIMEOUT: Duration = Duration::from_millis(100);

/// A handle on the writer. Dropping it commits the queued changes and ends the thread.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    repair: Arc<Repair>,
    /// The reason why the thread has ended, once it has.
    stopped: watch::Receiver<Option<ErrorKind>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(path: &Path, thread: WriterThread) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let repair = Arc::new(Repair::new(queue.downgrade()));
        let (set_stopped, stopped) = watch::channel(None);
        let (file, of_thread) = (path.to_owned(), repair.clone());
        let thread = std::thread::spawn(move || {
            let gate = thread.gate.clone();
            let write = AssertUnwindSafe(|| thread.run(&file, &of_thread, jobs));
            let ended = catch_unwind(write).unwrap_or(Err(ErrorKind::WriterStopped));
            // Reads go on without a writer.
            gate.resume();
            if let Err(kind) = ended {
                set_stopped.send_replace(Some(kind));
            }
        });
        Self {
            path: path.to_owned(),
            queue: Some(queue),
            thread: Some(thread),
            repair,
            stopped,
        }
    }

    /// Returns the state of the index of grams.
    pub(super) fn repair(&self) -> Arc<Repair> {
        self.repair.clone()
    }

    /// Waits for the end of the thread, and returns the reason.
    pub(super) fn stopped(&self) -> BoxFuture<'static, DirectoryError> {
        let (path, mut stopped) = (self.path.clone(), self.stopped.clone());
        Box::pin(async move {
            let kind = match stopped.wait_for(Option::is_some).await {
                Ok(kind) => kind.clone(),
                Err(_) => None,
            };
            StoreError::new(&path, kind.unwrap_or(ErrorKind::Closed)).into()
        })
    }

    /// Makes a change in one transaction with the other changes in the queue, and answers after the commit.
    pub(super) fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Changes<'_>) -> Result<T, ErrorKind> + Send + 'static,
    ) -> Answer<'_, T> {
        Answer::pending(async move {
            let stopped = || StoreError::new(&self.path, ErrorKind::WriterStopped);
            let queue = self.queue.as_ref().ok_or_else(stopped)?;
            let (answer, answered) = oneshot::channel();
            let job = Pending {
                work: Some(work),
                result: None,
                answer,
            };
            queue.send(Box::new(job)).await.map_err(|_| stopped())?;
            Ok(answered.await.map_err(|_| stopped())??)
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported a panic of the thread.
            let _ = thread.join();
        }
    }
}

/// The state of the thread.
pub(super) struct WriterThread {
    connection: Connection,
    place: Place,
    readers: Arc<Readers>,
    gate: ReadGate,
    events: Arc<EventLog>,
    log_limit: u64,
    /// The size of the write-ahead log at which reads are paused so that the log can be reset.
    pause_at: u64,
    is_paused: bool,
    /// Whether the index of grams may have segments to merge.
    may_merge: bool,
}

impl WriterThread {
    pub(super) fn new(
        connection: Connection,
        place: Place,
        readers: Arc<Readers>,
        gate: ReadGate,
        events: Arc<EventLog>,
        log_limit: u64,
    ) -> Self {
        Self {
            connection,
            place,
            readers,
            gate,
            events,
            log_limit,
            pause_at: log_limit,
            is_paused: false,
            may_merge: true,
        }
    }

    /// Makes changes until the queue is closed.
    ///
    /// # Errors
    /// Returns an error if changes can no longer be acknowledged.
    fn run(
        mut self,
        path: &Path,
        repair: &Repair,
        mut jobs: mpsc::Receiver<Box<dyn Job>>,
    ) -> Result<(), ErrorKind> {
        let mut batch = Vec::new();
        loop {
            while self.is_paused && batch.is_empty() && jobs.is_empty() && !jobs.is_closed() {
                self.reset_log(IDLE_WAIT);
            }
            if batch.is_empty() {
                let received = if self.may_merge {
                    receive_within(&mut jobs, &mut batch, QUEUE, IDLE_BEFORE_MERGE)
                } else {
                    Some(jobs.blocking_recv_many(&mut batch, QUEUE))
                };
                match received {
                    Some(0) => return Ok(()),
                    Some(_) => {}
                    None => {
                        // The log may have grown to its limit, so the loop begins anew and resets it.
                        self.merge_index(path, repair)?;
                        continue;
                    }
                }
            }
            let generation = repair.generation();
            let (made, committed) = {
                let _writing = self.readers.release_snapshots();
                commit(&mut self.connection, &mut batch)
            };
            let outcome = match (committed, self.place.check()) {
                (_, Err(kind)) | (Err(kind), Ok(_)) => Err(kind),
                (Ok(events), Ok(log_size)) => {
                    self.may_merge |= !events.is_empty();
                    self.events.append(events);
                    self.bound_log(log_size);
                    Ok(())
                }
            };
            if let Err(error) = &outcome {
                tracing::error!(database = %path.display(), %error, changes = made, "commit failed");
            }
            for job in batch.drain(..made) {
                job.answer(path, outcome.clone());
            }
            match outcome {
                Err(ErrorKind::Replaced) => return Err(ErrorKind::Replaced),
                Err(ErrorKind::SearchDamaged(detail)) => {
                    repair.report(generation, detail);
                }
                _ => {}
            }
            if repair.is_due() {
                self.rebuild_index(path, repair);
            }
        }
    }

    /// Merges some segments of the index of grams.
    ///
    /// # Errors
    /// Returns an error if changes can no longer be acknowledged.
    fn merge_index(&mut self, path: &Path, repair: &Repair) -> Result<(), ErrorKind> {
        let generation = repair.generation();
        let merged = {
            let _writing = self.readers.release_snapshots();
            search::merge_some(&self.connection).map_err(ErrorKind::of_search)
        };
        self.bound_log(self.place.check()?);
        self.may_merge = matches!(merged, Ok(true));
        match merged {
            Ok(_) => {}
            Err(ErrorKind::SearchDamaged(detail)) => {
                repair.report(generation, detail);
            }
            Err(error) => {
                tracing::warn!(database = %path.display(), %error, "the search index cannot be merged");
            }
        }
        Ok(())
    }

    fn rebuild_index(&mut self, path: &Path, repair: &Repair) {
        let rebuilt = {
            let _writing = self.readers.release_snapshots();
            schema::rebuild_index(&mut self.connection)
        };
        if let Err(error) = &rebuilt {
            tracing::error!(database = %path.display(), %error, "the search index cannot be rebuilt");
        }
        repair.done(rebuilt.is_ok());
    }

    /// Pauses the reads if the write-ahead log has grown to its limit, and resets the log if no read is running.
    fn bound_log(&mut self, log_size: u64) {
        if log_size <= self.pause_at {
            return;
        }
        if !self.is_paused {
            self.gate.pause();
            self.is_paused = true;
        }
        self.reset_log(Duration::ZERO);
        if !self.is_paused && self.pause_at > self.log_limit {
            // Another program reads; the next attempt is due when the log has grown as much again.
            self.pause_at = log_size + self.log_limit;
        }
    }

    /// Resets the log once no read is running, and ends the pause. Waits for at most `timeout`.
    fn reset_log(&mut self, timeout: Duration) {
        if !self.gate.wait_until_idle(timeout) {
            return;
        }
        let is_reset = {
            let _writing = self.readers.release_snapshots();
            truncate_log(&self.connection)
        };
        self.gate.resume();
        self.is_paused = false;
        if is_reset.as_ref().is_ok_and(|is_reset| *is_reset) {
            self.pause_at = self.log_limit;
        } else {
            tracing::warn!(
                ?is_reset,
                "another program keeps the write-ahead log from being reset"
            );
            self.pause_at = self.pause_at.saturating_add(self.log_limit);
        }
    }
}

/// Copies the write-ahead log into the file and empties the log. Returns false if another program still reads from it.
fn truncate_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(RESET_TIMEOUT)?;
    let is_busy: rusqlite::Result<bool> =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    Ok(!is_busy?)
}

/// Makes the changes of a batch in one transaction, up to the bounds of a transaction. Returns the number of changes
/// that the outcome concerns, and their events; on an error, no change is made.
fn commit(
    connection: &mut Connection,
    batch: &mut [Box<dyn Job>],
) -> (usize, Result<Vec<Event>, ErrorKind>) {
    let mut made = batch.len();
    let committed = try_commit(connection, batch, &mut made);
    (made, committed)
}

fn try_commit(
    connection: &mut Connection,
    batch: &mut [Box<dyn Job>],
    made: &mut usize,
) -> Result<Vec<Event>, ErrorKind> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changes = Changes::begin(&transaction)?;
    let start = Instant::now();
    for (index, job) in batch.iter_mut().enumerate() {
        *made = index + 1;
        job.run(&mut changes)?;
        if changes.len() >= MAX_CHANGED || start.elapsed() >= MAX_TIME {
            break;
        }
    }
    let events = changes.finish()?;
    // FTS5 writes its pending words at the commit.
    transaction.commit().map_err(ErrorKind::of_search)?;
    Ok(events)
}

#[cfg(test)]
mod tests {
    use crate::directory::{Directory, DirectoryError, Seed, Store as _};
    use crate::store::sqlite::{SqliteOptions, SqliteStore};

    #[tokio::test]
    async fn a_panic_of_the_writer_is_reported() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("users.db");
        let options = SqliteOptions::default();
        let store = SqliteStore::open(&path, &Seed::FirstUsers, &options).expect("opens");
        let stopped = store.stopped();
        let change = store
            .writer
            .change(|_| -> Result<(), _> { panic!("a defect") });
        assert!(matches!(change.await, Err(DirectoryError::Closed(_))));
        let error = stopped.await;
        assert!(matches!(error, DirectoryError::Closed(_)), "{error:?}");
        let directory = Directory::new(store);
        assert!(directory.get(1).await.expect("reads go on").is_some());
    }
}
