//! Connections for reads on the callers' threads, with snapshots that outlive a read.
//!
//! Beginning and ending a read transaction costs as much as a point read: file locks, taken by system calls. So a
//! connection keeps its transaction, and with it its snapshot of the database, from one read to the next while nothing
//! is written. Four rules hide this from callers:
//!
//! - Before the writer writes, every idle connection ends its transaction, and no transaction is kept until the writer
//!   is done: the write-ahead log can be reset, and a read that begins after a commit sees the commit.
//! - A connection that was in use meanwhile has an old generation, and ends its transaction after its read.
//! - No read uses a transaction older than [`LONGEST_SNAPSHOT`], so that it sees the changes of other processes.
//! - The [`Sweeper`] ends the transactions of unused connections, so that an idle server keeps no snapshot,
//!   which would stop another process from resetting the log.
//!
//! A connection also caches blocks of users ([`BlockCache`]), which the sweeper drops when they are unused.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use soundstage_proto::UserType;
use tokio::sync::Semaphore;

use super::block_cache::{BlockCache, CACHED_BYTES};
use super::error::StoreError;
use super::schema;
use crate::directory::Block;

/// The largest age of a snapshot that a read uses: for this time, a read may miss the changes of another process.
const LONGEST_SNAPSHOT: Duration = Duration::from_millis(50);

/// The time between two passes of the sweeper. Twenty times [`LONGEST_SNAPSHOT`]: an idle server soon keeps no
/// snapshot, and a busy server hardly notices the passes.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The largest number of idle connections. A read takes microseconds, so more connections than this are a burst;
/// each idle connection caches up to 8 MiB of the file.
const MAX_IDLE: usize = 16;

/// The connections. A read blocks its thread, so at most as many connections are in use as threads serve calls.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    /// A permit for each byte that may be cached in blocks.
    cached_bytes: Arc<Semaphore>,
    /// Wakes the sweeper when a snapshot or a block is kept, or the store is closed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Reader>,
    /// The number of times that the writer has begun or ended a transaction.
    generation: u64,
    /// Whether the writer is in a transaction.
    is_writing: bool,
    /// Whether the sweeper knows that snapshots or blocks are kept.
    is_sweeping: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    snapshot: Option<Snapshot>,
    blocks: BlockCache,
}

/// An open read transaction.
#[derive(Debug)]
struct Snapshot {
    generation: u64,
    since: Instant,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            pool: Mutex::default(),
            cached_bytes: Arc::new(Semaphore::new(CACHED_BYTES)),
            changed: Condvar::new(),
        }
    }

    /// Runs a query on the calling thread.
    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.with_reader(|reader| query(&reader.connection))
    }

    /// Reads at most `limit` users of one type with ids above `after`, on the calling thread.
    pub(super) fn read_type(
        &self,
        user_type: UserType,
        after: u32,
        limit: u32,
    ) -> Result<Block, StoreError> {
        self.with_reader(
            |Reader {
                 connection, blocks, ..
             }| { blocks.read_type(connection, user_type, after, limit) },
        )
    }

    fn with_reader<T>(
        &self,
        query: impl FnOnce(&mut Reader) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.try_with_reader(query)
            .map_err(|error| StoreError::new(&self.path, error))
    }

    fn try_with_reader<T>(
        &self,
        query: impl FnOnce(&mut Reader) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let (idle, generation) = {
            let mut pool = self.pool();
            (pool.idle.pop(), pool.generation)
        };
        let mut reader =
            idle.map_or_else(|| Reader::open(&self.path, self.cached_bytes.clone()), Ok)?;
        reader.begin(generation)?;
        // After an error the connection is closed, since the cause may be the connection itself.
        let result = query(&mut reader)?;
        self.give_back(reader)?;
        Ok(result)
    }

    fn give_back(&self, mut reader: Reader) -> rusqlite::Result<()> {
        let mut pool = self.pool();
        let is_current = reader
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.generation == pool.generation);
        if pool.is_writing || !is_current {
            drop(pool);
            reader.end()?;
            pool = self.pool();
        }
        if !pool.is_sweeping && (reader.snapshot.is_some() || !reader.blocks.is_empty()) {
            pool.is_sweeping = true;
            self.changed.notify_one();
        }
        if pool.idle.len() < MAX_IDLE {
            pool.idle.push(reader);
        }
        Ok(())
    }

    /// Ends every kept transaction, and keeps none until the guard is dropped.
    pub(super) fn release_snapshots(&self) -> WriteGuard<'_> {
        let idle = {
            let mut pool = self.pool();
            pool.generation += 1;
            pool.is_writing = true;
            std::mem::take(&mut pool.idle)
        };
        // A connection that cannot end its transaction is closed, which ends it.
        let ended = idle
            .into_iter()
            .filter_map(|mut reader| reader.end().is_ok().then_some(reader));
        let ended: Vec<_> = ended.collect();
        let mut pool = self.pool();
        pool.idle.extend(ended);
        pool.idle.truncate(MAX_IDLE);
        drop(pool);
        WriteGuard { readers: self }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of the writer's transaction: until its drop, no snapshot is kept.
pub(super) struct WriteGuard<'a> {
    readers: &'a Readers,
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        // A transaction that began during the write may have begun before its commit.
        pool.generation += 1;
        pool.is_writing = false;
    }
}

impl Reader {
    fn open(path: &Path, cached_bytes: Arc<Semaphore>) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: schema::open_reader(path)?,
            snapshot: None,
            blocks: BlockCache::new(cached_bytes),
        })
    }

    /// Continues the kept transaction, or begins one.
    fn begin(&mut self, generation: u64) -> rusqlite::Result<()> {
        let now = Instant::now();
        if self.is_stale(now) {
            self.end()?;
        }
        if self.snapshot.is_none() {
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.snapshot = Some(Snapshot {
                generation,
                since: now,
            });
        }
        Ok(())
    }

    /// Returns whether the kept transaction is too old to read from.
    fn is_stale(&self, now: Instant) -> bool {
        let snapshot = self.snapshot.as_ref();
        snapshot.is_some_and(|snapshot| now - snapshot.since > LONGEST_SNAPSHOT)
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.snapshot.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

/// The thread that ends transactions of idle connections and drops unused blocks. It sleeps while there are none. Dropping the
/// sweeper ends the thread.
#[derive(Debug)]
pub(super) struct Sweeper {
    readers: Arc<Readers>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub(super) fn start(readers: Arc<Readers>) -> Self {
        let of_thread = readers.clone();
        Self {
            readers,
            thread: Some(std::thread::spawn(move || of_thread.sweep())),
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.readers.pool().is_closed = true;
        self.readers.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported a panic of the thread.
            let _ = thread.join();
        }
    }
}

impl Readers {
    /// Ends stale transactions and drops unused blocks once each [`SWEEP_INTERVAL`] until the store is closed.
    fn sweep(&self) {
        let mut pool = self.pool();
        while !pool.is_closed {
            if !pool.is_sweeping {
                let waited = self.changed.wait(pool);
                pool = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.changed.wait_timeout(pool, SWEEP_INTERVAL);
            pool = waited.unwrap_or_else(PoisonError::into_inner).0;
            // Under the lock, because waiting for the lock is faster than opening another connection.
            let now = Instant::now();
            pool.idle
                .retain_mut(|reader| !reader.is_stale(now) || reader.end().is_ok());
            let mut is_sweeping = false;
            for reader in &mut pool.idle {
                reader.blocks.sweep(now);
                is_sweeping |= reader.snapshot.is_some() || !reader.blocks.is_empty();
            }
            pool.is_sweeping = is_sweeping;
        }
    }
}
