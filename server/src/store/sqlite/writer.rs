//! The writer: one thread makes all changes, and commits those in its queue together (group commit).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::changes::Changes;
use super::error::{ErrorKind, StoreError};
use super::readers::Readers;
use crate::directory::{Answer, Event, EventLog};

/// The largest number of changes in the queue, and in one transaction; further callers wait. More changes in one
/// transaction save nothing, since the sync of the disk is then a small part of its time.
const QUEUE: usize = 1024;

/// A handle on the writer. Dropping it commits the queued changes and ends the thread.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// A queued change, whose caller waits for the commit.
trait Job: Send {
    /// Makes the change within a transaction.
    ///
    /// # Errors
    /// Returns an error if the whole transaction must fail. An error of this change alone goes to its caller.
    fn run(&mut self, changes: &mut Changes<'_>) -> Result<(), ErrorKind>;

    /// Answers the caller after the transaction was committed or has failed.
    fn answer(self: Box<Self>, path: &Path, committed: Result<(), ErrorKind>);
}

struct Pending<W, T> {
    work: Option<W>,
    result: Option<Result<T, ErrorKind>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<W, T> Job for Pending<W, T>
where
    W: FnOnce(&mut Changes<'_>) -> Result<T, ErrorKind> + Send,
    T: Send,
{
    fn run(&mut self, changes: &mut Changes<'_>) -> Result<(), ErrorKind> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        self.result = Some(match work(changes) {
            // Concerns this change alone, not the others of the transaction.
            Err(ErrorKind::NoFreeId) => Err(ErrorKind::NoFreeId),
            Err(kind) => return Err(kind),
            Ok(done) => Ok(done),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, path: &Path, committed: Result<(), ErrorKind>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(ErrorKind::WriterStopped),
            (Err(kind), _) => Err(kind),
        };
        // Fails if the caller has left; the change was made in any case.
        let _ = self
            .answer
            .send(result.map_err(|kind| StoreError::new(path, kind)));
    }
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        connection: Connection,
        readers: Arc<Readers>,
        events: Arc<EventLog>,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let file = path.to_owned();
        let thread = std::thread::spawn(move || write(&file, connection, &readers, &events, jobs));
        Self {
            path: path.to_owned(),
            queue: Some(queue),
            thread: Some(thread),
        }
    }

    /// Makes a change in one transaction with the others in the queue, and answers after the commit.
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

fn write(
    path: &Path,
    mut connection: Connection,
    readers: &Readers,
    events: &EventLog,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
) {
    let mut batch = Vec::new();
    while jobs.blocking_recv_many(&mut batch, QUEUE) > 0 {
        let committed = {
            let _writing = readers.release_snapshots();
            commit(&mut connection, &mut batch)
        };
        if let Err(error) = &committed {
            tracing::error!(database = %path.display(), %error, changes = batch.len(), "commit failed");
        }
        let outcome = committed.map(|committed| events.append(committed));
        for job in batch.drain(..) {
            job.answer(path, outcome.clone());
        }
    }
}

/// Makes all changes of a batch in one transaction, or none. Returns their events.
fn commit(
    connection: &mut Connection,
    batch: &mut [Box<dyn Job>],
) -> Result<Vec<Event>, ErrorKind> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changes = Changes::begin(&transaction)?;
    for job in batch {
        job.run(&mut changes)?;
    }
    let events = changes.finish()?;
    transaction.commit()?;
    Ok(events)
}
