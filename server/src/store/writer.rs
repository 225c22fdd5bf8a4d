//! The one thread that writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::changes::Changes;
use super::error::{ErrorKind, StoreError};
use super::events::{Event, Events};
use super::readers::Readers;

/// Callers past this many queued changes wait for a place.
const QUEUE: usize = 1024;

/// A handle on the writer. When it is dropped, what has queued is committed, and the thread ends.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// A change that waits to be made, and its caller, who waits for the commit.
trait Job: Send {
    /// Makes the change.
    ///
    /// # Errors
    /// When the whole transaction has failed. A failure of this change alone is the caller's to hear.
    fn run(&mut self, changes: &mut Changes<'_>) -> Result<(), ErrorKind>;

    /// Tells the caller, once the transaction has been committed or has failed.
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
            // Says nothing about the others in the batch.
            Err(ErrorKind::NoFreeId) => Err(ErrorKind::NoFreeId),
            Err(problem) => return Err(problem),
            Ok(done) => Ok(done),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, path: &Path, committed: Result<(), ErrorKind>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(ErrorKind::WriterStopped),
            (Err(problem), _) => Err(problem),
        };
        // A caller that has gone is not told; its change is made all the same.
        let _ = self
            .answer
            .send(result.map_err(|problem| StoreError::new(path, problem)));
    }
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        connection: Connection,
        readers: Arc<Readers>,
        events: Arc<Events>,
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

    /// Makes a change with whatever else has queued up, in one transaction, and returns after its commit.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Changes<'_>) -> Result<T, ErrorKind> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::new(&self.path, ErrorKind::WriterStopped);
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        let (answer, answered) = oneshot::channel();
        let job = Pending {
            work: Some(work),
            result: None,
            answer,
        };
        queue.send(Box::new(job)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by then; there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn write(
    path: &Path,
    mut connection: Connection,
    readers: &Readers,
    events: &Events,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
) {
    let mut batch = Vec::new();
    while jobs.blocking_recv_many(&mut batch, QUEUE) > 0 {
        let committed = {
            let _writing = readers.release_snapshots();
            commit(&mut connection, &mut batch)
        };
        if let Err(problem) = &committed {
            tracing::error!(database = %path.display(), %problem, changes = batch.len(), "a commit failed");
        }
        let outcome = committed.map(|told| events.publish(told));
        for job in batch.drain(..) {
            job.answer(path, outcome.clone());
        }
    }
}

/// Makes the whole batch of changes in one transaction, or none of them. Returns what to tell of them.
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
