//! The directory in one SQLite file.
//!
//! All changes go through one [writer](writer) thread, which commits everything in its queue in one transaction and
//! answers after the commit, so that adds are durable and fast together.
//!
//! Reads of bounded cost run on the caller's thread, on [readers](readers) that keep their snapshots: a point read
//! takes microseconds, and handing it to another thread would cost more than the read. All other reads run on the
//! threads of the [read pool](read_pool), which bounds and interrupts them.

mod block;
mod changes;
mod error;
mod import;
mod page;
mod read_pool;
mod readers;
mod rows;
mod schema;
mod search;
mod statement;
mod writer;

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;

pub use error::{ErrorKind, StoreError};

use crate::directory::{
    Added, Answer, Batch, Block, Changed, EventLog, Filter, ImportPlan, Imported, Page, PageQuery,
    Progress, Seed, Store, Update, Watcher, WhenBusy,
};
use read_pool::ReadPool;
use readers::{Readers, Sweeper};
use writer::Writer;

/// The number of users that a page may skip on the caller's thread. SQLite steps over each of them in the index; more
/// would delay the other calls of the thread noticeably.
const MAX_INLINE_SKIP: u32 = 1000;

/// The bounds of [`SqliteOptions::read_threads`] by default: one thread could be held by one slow search, and the
/// connection of each thread caches up to 8 MiB.
const READ_THREADS: RangeInclusive<usize> = 2..=8;

/// The default of [`SqliteOptions::read_queue`]: enough for a burst of people who type a search. Behind a longer queue
/// they would wait longer than it takes to try again.
const READ_QUEUE: usize = 64;

/// The default of [`SqliteOptions::count_limit`]: counting further would take longer than people wait for a page.
const COUNT_LIMIT: u32 = 10_000;

/// The bounds of a store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The number of threads for slow reads, each with one connection. By default the number of cores, within bounds.
    pub read_threads: usize,
    /// The number of slow reads that may wait for a thread; one more is refused, or waits outside the queue.
    pub read_queue: usize,
    /// The number of matches of a search that are counted and sorted. With more matches, the total is a lower bound.
    pub count_limit: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            read_threads: cores.clamp(*READ_THREADS.start(), *READ_THREADS.end()),
            read_queue: READ_QUEUE,
            count_limit: COUNT_LIMIT,
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
}

impl SqliteStore {
    /// Opens the file at `path`; creates it, with the users of `seed`, if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the file is damaged, locked, read-only, another program's, or from a newer version, or if
    /// the disk is full. The file is unchanged then.
    pub fn open(path: &Path, seed: &Seed, options: &SqliteOptions) -> Result<Self, StoreError> {
        let connection = schema::open(path, seed)?;
        let newest =
            rows::newest_revision(&connection).map_err(|error| StoreError::new(path, error))?;
        let readers = Arc::new(Readers::new(path));
        let events = Arc::new(EventLog::new(newest));
        Ok(Self {
            count_limit: options.count_limit,
            pool: ReadPool::start(path, options.read_threads, options.read_queue),
            _sweeper: Sweeper::start(readers.clone()),
            writer: Writer::start(path, connection, readers.clone(), events.clone()),
            readers,
            events,
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
        self.pool.read(WhenBusy::Refuse, move |connection| {
            page::read(connection, &query, count_limit)
        })
    }

    fn block(
        &self,
        filter: &Filter,
        after: u32,
        limit: u32,
        when_busy: WhenBusy,
    ) -> Answer<'static, Block> {
        let filter = filter.clone();
        self.pool.read(when_busy, move |connection| {
            block::read(connection, &filter, after, limit)
        })
    }

    fn block_of_type(&self, user_type: UserType, after: u32, limit: u32) -> Answer<'static, Block> {
        self.read_inline(|connection| block::read_type(connection, user_type, after, limit))
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
        self.writer
            .change(move |changes| changes.import(&plan, progress, &batch))
    }

    fn import_progress(&self, id: &str) -> Answer<'_, Progress> {
        self.read_inline(|connection| import::find_progress(connection, id))
    }

    fn watch(&self, after_sequence: i64) -> Watcher {
        self.events.watch(after_sequence)
    }
}
