//! The jobs in the writer's queue.

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::changes::Changes;
use super::error::{ErrorKind, StoreError};

/// A queued change, whose caller waits for the commit.
pub(super) trait Job: Send {
    /// Makes the change within a transaction.
    ///
    /// # Errors
    /// Returns an error if the whole transaction must fail. An error of this change alone goes to its caller.
    fn run(&mut self, changes: &mut Changes<'_>) -> Result<(), ErrorKind>;

    /// Answers the caller after the transaction was committed or has failed.
    fn answer(self: Box<Self>, path: &Path, committed: Result<(), ErrorKind>);
}

/// A job that changes nothing, but makes the writer check whether a rebuild is due.
pub(super) struct WakeUp;

impl Job for WakeUp {
    fn run(&mut self, _: &mut Changes<'_>) -> Result<(), ErrorKind> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: &Path, _: Result<(), ErrorKind>) {}
}

/// A change that a closure makes, and the channel to its caller.
pub(super) struct Pending<W, T> {
    pub(super) work: Option<W>,
    pub(super) result: Option<Result<T, ErrorKind>>,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
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
            // An error of this change alone: the other changes of the transaction go on.
            Err(kind @ (ErrorKind::NoFreeId | ErrorKind::TooManyImports)) => Err(kind),
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

/// Receives jobs like `blocking_recv_many`, but waits for at most `timeout`. Returns `None` if no job has arrived.
pub(super) fn receive_within(
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    batch: &mut Vec<Box<dyn Job>>,
    limit: usize,
    timeout: Duration,
) -> Option<usize> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let end = Instant::now() + timeout;
    loop {
        let received = jobs.poll_recv_many(&mut Context::from_waker(&waker), batch, limit);
        if let Poll::Ready(count) = received {
            return Some(count);
        }
        let left = end.checked_duration_since(Instant::now())?;
        thread::park_timeout(left);
    }
}

/// Wakes a thread that waits in [`receive_within`].
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
