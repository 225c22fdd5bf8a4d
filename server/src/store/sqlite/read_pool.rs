//! The read pool: threads for reads whose cost grows with the directory.
//!
//! Each thread has one connection, so both are bounded. Each read holds a permit while it waits in the queue and while
//! it runs; a read without a permit is refused or waits for a permit, as its caller asks.
//!
//! A caller that drops its answer removes its read from the queue, or interrupts the running read. The interruption
//! uses SQLite's progress handler, which is installed for one read and checks the flag of that read alone. A caller of
//! `sqlite3_interrupt` would have to know which read the connection is running, and could hit the next read. The same
//! handler ends a read that lasts too long.
//!
//! The write-ahead log cannot be reset while reads overlap. So the writer can pause the pool: no read begins until the
//! running reads have ended and the log is reset.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::error::{ErrorKind, StoreError};
use super::schema;
use crate::directory::{Answer, DirectoryError, WhenBusy};

/// The number of SQLite's instructions between two checks of the flag: about ten microseconds. A check takes a few
/// nanoseconds.
const INSTRUCTIONS_BETWEEN_CHECKS: i32 = 1000;

/// The threads. Dropping the pool interrupts its reads and ends the threads.
#[derive(Debug)]
pub(super) struct ReadPool {
    shared: Arc<Shared>,
    /// One permit for each thread, and for each read in the queue.
    permits: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// The time after which a read is interrupted.
    read_limit: Duration,
    queue: Mutex<Queue>,
    /// Wakes a thread when a read is queued, the pause ends, or the pool is closed.
    queued: Condvar,
    /// Wakes the writer when no read is running during a pause.
    idle: Condvar,
    is_closed: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// The number of reads that are running.
    running: usize,
    is_paused: bool,
}

/// The writer's handle on the pool.
#[derive(Debug, Clone)]
pub(super) struct ReadGate(Arc<Shared>);

impl ReadGate {
    /// Stops further reads from beginning.
    pub(super) fn pause(&self) {
        self.0.queue().is_paused = true;
    }

    /// Allows reads to begin again.
    pub(super) fn resume(&self) {
        self.0.queue().is_paused = false;
        self.0.queued.notify_all();
    }

    /// Waits during a pause until no read is running, or for at most `timeout`. Returns whether none is running.
    pub(super) fn wait_until_idle(&self, timeout: Duration) -> bool {
        let is_busy = |queue: &mut Queue| queue.running > 0;
        let waited = self
            .0
            .idle
            .wait_timeout_while(self.0.queue(), timeout, is_busy);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.running == 0
    }
}

/// A queued read.
struct Job {
    caller: Arc<Caller>,
    run: Box<dyn FnOnce(&mut Thread) + Send>,
}

/// The caller of a read, identified by the address of this value.
#[derive(Debug, Default)]
struct Caller {
    has_left: AtomicBool,
}

/// The state of one thread.
struct Thread {
    shared: Arc<Shared>,
    connection: Option<Connection>,
}

impl ReadPool {
    /// Starts `threads` threads for reads. Besides the running reads, `queue` reads may wait.
    pub(super) fn start(path: &Path, threads: usize, queue: usize, read_limit: Duration) -> Self {
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            read_limit,
            queue: Mutex::default(),
            queued: Condvar::new(),
            idle: Condvar::new(),
            is_closed: Arc::default(),
        });
        let start = |_| {
            let shared = shared.clone();
            std::thread::spawn(move || Thread::new(shared).run())
        };
        Self {
            permits: Arc::new(Semaphore::new(threads + queue)),
            threads: (0..threads).map(start).collect(),
            shared,
        }
    }

    /// Returns the writer's handle.
    pub(super) fn gate(&self) -> ReadGate {
        ReadGate(self.shared.clone())
    }

    /// Runs a query on one of the threads, in a read transaction of its own. The query is queued at once, unless it has
    /// to wait for a permit.
    pub(super) fn read<T: Send + 'static>(
        &self,
        when_busy: WhenBusy,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'static, T> {
        match (self.permits.clone().try_acquire_owned(), when_busy) {
            (Ok(permit), _) => Answer::pending(self.shared.clone().submit(permit, query)),
            (Err(_), WhenBusy::Refuse) => Answer::ready(Err(DirectoryError::Overloaded)),
            (Err(_), WhenBusy::Wait) => {
                let (permits, shared) = (self.permits.clone(), self.shared.clone());
                Answer::pending(async move {
                    match permits.acquire_owned().await {
                        Ok(permit) => shared.submit(permit, query).await,
                        Err(_) => Err(shared.error(ErrorKind::Closed)),
                    }
                })
            }
        }
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        self.permits.close();
        let queued = {
            let mut queue = self.shared.queue();
            self.shared.is_closed.store(true, Ordering::Relaxed);
            std::mem::take(&mut queue.jobs)
        };
        drop(queued);
        self.shared.queued.notify_all();
        for thread in self.threads.drain(..) {
            // The panic hook has already reported a panic of the thread.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Queues a query that has a permit, and returns the future of its result. Dropping the future cancels the query.
    fn submit<T: Send + 'static>(
        self: Arc<Self>,
        permit: OwnedSemaphorePermit,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, DirectoryError>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            caller: Arc::default(),
            shared: self,
        };
        let caller = waiting.caller.clone();
        let run = Box::new(move |thread: &mut Thread| {
            let result = thread.read(caller, query);
            drop(permit);
            // Fails if the caller has left.
            let _ = answer.send(result);
        });
        waiting.shared.push(Job {
            caller: waiting.caller.clone(),
            run,
        });
        async move {
            let error = match answered.await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(_)) | Err(_) if waiting.shared.is_closed() => ErrorKind::Closed,
                Ok(Err(error)) => ErrorKind::from(error),
                Err(_) => ErrorKind::ReadPanicked,
            };
            Err(waiting.shared.error(error))
        }
    }

    fn push(&self, job: Job) {
        let mut queue = self.queue();
        // Dropping a job answers its caller with an error.
        if !self.is_closed() {
            queue.jobs.push_back(job);
            self.queued.notify_one();
        }
    }

    /// Waits for the next read and counts it as running. Returns `None` once the pool is closed.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if self.is_closed() {
                return None;
            }
            if !queue.is_paused
                && let Some(job) = queue.jobs.pop_front()
            {
                queue.running += 1;
                return Some(job);
            }
            let waited = self.queued.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts the end of a read.
    fn ended(&self) {
        let mut queue = self.queue();
        queue.running -= 1;
        if queue.running == 0 {
            self.idle.notify_one();
        }
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    fn error(&self, kind: ErrorKind) -> DirectoryError {
        StoreError::new(&self.path, kind).into()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's wait for its result. Dropping it cancels the read.
struct Waiting {
    caller: Arc<Caller>,
    shared: Arc<Shared>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.caller.has_left.store(true, Ordering::Relaxed);
        let mut queue = self.shared.queue();
        let mut jobs = queue.jobs.iter();
        let index = jobs.position(|job| Arc::ptr_eq(&job.caller, &self.caller));
        let job = index.and_then(|index| queue.jobs.remove(index));
        drop(queue);
        drop(job);
    }
}

impl Thread {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            connection: None,
        }
    }

    fn run(mut self) {
        while let Some(job) = self.shared.next() {
            // A panic ends the read alone: it drops the read's connection and the answer's channel.
            let run = AssertUnwindSafe(|| (job.run)(&mut self));
            let _ = catch_unwind(run);
            self.shared.ended();
        }
    }

    /// Runs a query until it ends, its caller leaves, it lasts too long, or the pool is closed.
    fn read<T>(
        &mut self,
        caller: Arc<Caller>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = self.connection.take();
        let mut connection = idle.map_or_else(|| schema::open_reader(&self.shared.path), Ok)?;
        let is_closed = self.shared.is_closed.clone();
        let (start, limit) = (Instant::now(), self.shared.read_limit);
        let is_cancelled = move || {
            caller.has_left.load(Ordering::Relaxed)
                || is_closed.load(Ordering::Relaxed)
                || start.elapsed() > limit
        };
        connection.progress_handler(INSTRUCTIONS_BETWEEN_CHECKS, Some(is_cancelled))?;
        let result = in_transaction(&mut connection, query);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        // An interrupted query leaves the connection usable; after any other error the cause may be the connection.
        let is_usable = match &result {
            Ok(_) => true,
            Err(error) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
            }
        };
        if is_usable && connection.is_autocommit() {
            self.connection = Some(connection);
        }
        result
    }
}

/// Runs a query in a read transaction, so that all its statements see the same moment.
fn in_transaction<T>(
    connection: &mut Connection,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction()?;
    let result = query(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}
