//! The directory in one SQLite file.
//!
//! All changes go through one [writer](writer) thread, which commits everything in its queue in one transaction and
//! answers after the commit, so that adds are both durable and fast.
//!
//! Reads of bounded cost run on the caller's thread, on [readers](readers) that keep their snapshots: a point read
//! takes microseconds, and handing it to another thread would cost more than the read. All other reads run on the
//! threads of the [read pool](read_pool), which bounds and interrupts them.

mod backup;
mod block;
mod block_cache;
mod changes;
mod error;
mod file;
mod import;
mod job;
mod page;
mod read_pool;
mod readers;
mod repair;
mod rows;
mod schema;
mod search;
mod statement;
mod writer;

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::Connection;
use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use tokio::sync::Semaphore;

pub use backup::backup;
pub use error::{ErrorKind, StoreError};

use crate::directory::{
    Added, Answer, Batch, Block, Changed, DirectoryError, EventLog, Filter, ImportPlan, Imported,
    Page, PageQuery, Progress, Seed, Store, Update, Watcher, WhenBusy,
};
use file::{Place, ServerLock};
use read_pool::ReadPool;
use readers::{Readers, Sweeper};
use writer::{Writer, WriterThread};

/// The number of users that a page may skip on the caller's thread. SQLite steps over each of them in the index; more
/// would delay the other calls of the thread noticeably.
const MAX_INLINE_SKIP: u32 = 1000;

/// The bounds of [`SqliteOptions::read_threads`] by default: one slow search would occupy a single thread, and the
/// connection of each thread caches up to 8 MiB.
const READ_THREADS: RangeInclusive<usize> = 2..=8;

/// The default of [`SqliteOptions::read_queue`]: enough for a burst of searches that people type. A longer queue would
/// delay a search more than a retry does.
const READ_QUEUE: usize = 64;

/// The default of [`SqliteOptions::count_limit`]: counting further would take longer than people wait for a page.
const COUNT_LIMIT: u32 = 10_000;

/// The default of [`SqliteOptions::read_limit`]: several times as long as the longest search among a million users.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// The default of [`SqliteOptions::log_limit`]: eight times the size at which the log is usually reset, so that an
/// occasional long read pauses no others.
const LOG_LIMIT: u64 = 64 * 1024 * 1024;

/// The number of import rows that wait for the writer at once: one batch, so that an add during many imports waits for
/// few batches.
const IMPORT_ROWS: u32 = 1024;

/// The bounds of a store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The number of threads for slow reads, each with one connection. By default the number of cores, within bounds.
    pub read_threads: usize,
    /// The number of slow reads that may wait for a thread; the next read is refused, or waits outside the queue.
    pub read_queue: usize,
    /// The number of matches of a search that are counted and sorted. With more matches, the total is a lower bound.
    pub count_limit: u32,
    /// The time after which a slow read is ended.
    pub read_limit: Duration,
    /// The size of the write-ahead log in bytes past which slow reads wait until the log is reset.
    pub log_limit: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            read_threads: cores.clamp(*READ_THREADS.start(), *READ_THREADS.end()),
            read_queue: READ_QUEUE,
            count_limit: COUNT_LIMIT,
            read_limit: READ_LIMIT,
            log_limit: LOG_LIMIT,
        }
    }
}

/// An open SQLite file. Dropping it commits the queued changes and ends its threads.
#[derive(Debug)]
pub struct SqliteStore {
    count_limit: u32,
    writer: Writer,
    pool: ReadPool,
    readers: Arc<Readers>,
    _sweeper: Sweeper,
    events: Arc<EventLog>,
    /// A permit for each row of an import that may wait for the writer.
    import_rows: Arc<Semaphore>,
    /// Released after every connection is closed.
    _lock: ServerLock,
}

impl SqliteStore {
    /// Opens the file at `path`; creates it, with the users of `seed`, if it does not exist.
    ///
    /// # Errors
    /// Returns an error, and leaves the file unchanged, if the file is damaged, locked, open in another store,
    /// read-only, another program's, or from a newer version, or if the disk is full.
    pub fn open(path: &Path, seed: &Seed, options: &SqliteOptions) -> Result<Self, StoreError> {
        let (connection, lock) = schema::open(path, seed)?;
        let newest =
            rows::newest_revision(&connection).map_err(|error| StoreError::new(path, error))?;
        let place = Place::new(path).map_err(|kind| StoreError::new(path, kind))?;
        let pool = ReadPool::start(
            path,
            options.read_threads,
            options.read_queue,
            options.read_limit,
        );
        let readers = Arc::new(Readers::new(path));
        let events = Arc::new(EventLog::new(newest));
        Ok(Self {
            count_limit: options.count_limit,
            _sweeper: Sweeper::start(readers.clone()),
            writer: Writer::start(
                path,
                WriterThread::new(
                    connection,
                    place,
                    readers.clone(),
                    pool.gate(),
                    events.clone(),
                    options.log_limit,
                ),
            ),
            pool,
            readers,
            events,
            import_rows: Arc::new(Semaphore::new(IMPORT_ROWS as usize)),
            _lock: lock,
        })
    }

    /// Answers a read of the pool that may use the index of grams. If the index is damaged, the writer rebuilds it.
    fn read_search<T: Send + Unpin + 'static>(
        &self,
        when_busy: WhenBusy,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'static, T> {
        let repair = self.writer.repair();
        let generation = repair.generation();
        let answer = self.pool.read(when_busy, query);
        Answer::pending(async move {
            match answer.await {
                Err(DirectoryError::Damaged(sentence)) => Err(repair.report(generation, sentence)),
                result => result,
            }
        })
    }

    /// Answers a read of bounded cost on the caller's thread.
    fn read_inline<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Answer<'static, T> {
        Answer::ready(self.readers.read(query).map_err(Into::into))
    }
}

impl Store for SqliteStore {
    fn get(&self, id: u32) -> Answer<'_, Option<User>> {
        self.read_inline(|connection| rows::find(connection, id))
    }

    fn contains(&self, id: u32) -> Answer<'_, bool> {
        self.read_inline(|connection| rows::exists(connection, id))
    }

    fn get_many(&self, ids: Vec<u32>, when_busy: WhenBusy) -> Answer<'_, Vec<User>> {
        self.pool.read(when_busy, move |connection| {
            let mut users = Vec::with_capacity(ids.len());
            for id in ids {
                users.extend(rows::find(connection, id)?);
            }
            Ok(users)
        })
    }

    fn page(&self, query: PageQuery) -> Answer<'_, Page> {
        if query.filter.search.is_none() && query.skip <= MAX_INLINE_SKIP {
            return self.read_inline(|connection| page::read(connection, &query, self.count_limit));
        }
        let count_limit = self.count_limit;
        let is_search = query.filter.search.is_some();
        let read = move |connection: &Connection| page::read(connection, &query, count_limit);
        if is_search {
            self.read_search(WhenBusy::Refuse, read)
        } else {
            self.pool.read(WhenBusy::Refuse, read)
        }
    }

    fn block(
        &self,
        filter: &Filter,
        after: u32,
        limit: u32,
        when_busy: WhenBusy,
    ) -> Answer<'static, Block> {
        let filter = filter.clone();
        let is_search = filter.search.is_some();
        let read = move |connection: &Connection| block::read(connection, &filter, after, limit);
        if is_search {
            self.read_search(when_busy, read)
        } else {
            self.pool.read(when_busy, read)
        }
    }

    fn block_of_type(&self, user_type: UserType, after: u32, limit: u32) -> Answer<'static, Block> {
        Answer::ready(
            self.readers
                .read_type(user_type, after, limit)
                .map_err(Into::into),
        )
    }

    fn add(&self, user: ValidUser) -> Answer<'_, Added> {
        self.writer.change(move |changes| changes.add(&user))
    }

    fn update(&self, id: u32, revision: i64, update: Update) -> Answer<'_, Changed> {
        self.writer
            .change(move |changes| changes.update(id, revision, update))
    }

    fn delete(&self, id: u32, revision: i64) -> Answer<'_, Changed> {
        self.writer
            .change(move |changes| changes.delete(id, revision))
    }

    fn import(&self, plan: ImportPlan, progress: Progress, batch: Batch) -> Answer<'_, Imported> {
        let rows =
            u32::try_from(batch.len()).map_or(IMPORT_ROWS, |rows| rows.clamp(1, IMPORT_ROWS));
        let permits = self.import_rows.clone().acquire_many_owned(rows);
        Answer::pending(async move {
            // The semaphore is never closed.
            let permit = permits.await.ok();
            let import = move |changes: &mut changes::Changes<'_>| {
                let imported = changes.import(&plan, progress, &batch);
                drop(permit);
                imported
            };
            self.writer.change(import).await
        })
    }

    fn import_progress(&self, id: &str) -> Answer<'_, Progress> {
        self.read_inline(|connection| import::find_progress(connection, id))
    }

    fn watch(&self, after_sequence: i64) -> Watcher {
        self.events.watch(after_sequence)
    }

    fn stopped(&self) -> BoxFuture<'static, DirectoryError> {
        self.writer.stopped()
    }
}
