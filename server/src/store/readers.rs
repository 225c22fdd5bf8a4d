//! Connections to read through, as many as are in use at once.
//!
//! Beginning and ending a read transaction costs as much as a point read: file locks, taken by system calls. So a
//! connection keeps its transaction, and with it what it sees, from one read to the next, for as long as nothing is
//! written. Three rules keep that invisible:
//!
//! - Before the writer writes, every idle connection ends its transaction, and until it has written none is kept: the
//!   log can be reset, and a read that begins after a commit sees it.
//! - A connection that was in use meanwhile is known by its generation, and ends its transaction when it comes back.
//! - No transaction is older than [`LONGEST_SNAPSHOT`] when it is read from, so what another process writes is seen
//!   as well.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::StoreError;
use super::schema;

/// How long a read may see what was there before another process has written.
const LONGEST_SNAPSHOT: Duration = Duration::from_millis(50);

/// The connections. Reads are synchronous, so there are never more than threads that serve calls.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Reader>,
    /// How many times the writer has begun, or ended, to write.
    generation: u64,
    /// Whether it is writing now.
    writing: bool,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    snapshot: Option<Snapshot>,
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
        }
    }

    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.try_read(query)
            .map_err(|error| StoreError::new(&self.path, error))
    }

    fn try_read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let (idle, generation) = {
            let mut pool = self.pool();
            (pool.idle.pop(), pool.generation)
        };
        let mut reader = idle.map_or_else(|| Reader::open(&self.path), Ok)?;
        reader.begin(generation)?;
        // After a failure the connection is closed instead of coming back, since the failure may be its own.
        let answer = query(&reader.connection)?;
        self.give_back(reader)?;
        Ok(answer)
    }

    fn give_back(&self, mut reader: Reader) -> rusqlite::Result<()> {
        let mut pool = self.pool();
        let is_current = reader
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.generation == pool.generation);
        if pool.writing || !is_current {
            drop(pool);
            reader.end()?;
            pool = self.pool();
        }
        pool.idle.push(reader);
        Ok(())
    }

    /// Ends every kept transaction, and keeps none until the guard is dropped.
    pub(super) fn release_snapshots(&self) -> WriteGuard<'_> {
        let idle = {
            let mut pool = self.pool();
            pool.generation += 1;
            pool.writing = true;
            std::mem::take(&mut pool.idle)
        };
        // One that cannot end its transaction is closed, which ends it.
        let ended = idle
            .into_iter()
            .filter_map(|mut reader| reader.end().is_ok().then_some(reader));
        let ended: Vec<_> = ended.collect();
        self.pool().idle.extend(ended);
        WriteGuard { readers: self }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer is writing.
pub(super) struct WriteGuard<'a> {
    readers: &'a Readers,
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        // Those that began while the writer wrote may have begun before its commit.
        pool.generation += 1;
        pool.writing = false;
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: schema::open_reader(path)?,
            snapshot: None,
        })
    }

    /// Goes on with the transaction it has, or begins one.
    fn begin(&mut self, generation: u64) -> rusqlite::Result<()> {
        let now = Instant::now();
        let is_old = |snapshot: &Snapshot| now - snapshot.since > LONGEST_SNAPSHOT;
        if self.snapshot.as_ref().is_some_and(is_old) {
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

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.snapshot.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}
