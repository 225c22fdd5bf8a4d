//! Caches blocks of users of one type until the database changes.
//!
//! A directory is read far more often than it changes, and a client that lists a type reads the same blocks as the
//! client before. Without the cache, SQLite takes two thirds of the time of such a stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use soundstage_proto::UserType;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::block;
use crate::directory::Block;

/// The largest number of bytes in the caches of all connections, with a permit each: some 400,000 users. Blocks past it are
/// read each time: eviction would drop each block of a longer stream before its next use.
pub(super) const CACHED_BYTES: usize = 32 * 1024 * 1024;

/// The time after which unused blocks are dropped.
const KEEP: Duration = Duration::from_secs(10);

/// The blocks that one connection has read.
#[derive(Debug)]
pub(super) struct BlockCache {
    /// SQLite's `data_version` at which the blocks were read: a number of this connection that changes with each commit
    /// of another connection, in any process.
    version: i64,
    /// The blocks by type, the id before them, and the largest number of users.
    blocks: HashMap<(UserType, u32, u32), Block>,
    used: Option<Instant>,
    /// The permits that no connection has taken.
    free: Arc<Semaphore>,
    /// The permits of the blocks.
    taken: Option<OwnedSemaphorePermit>,
}

impl BlockCache {
    /// Returns an empty cache that takes its permits, one for each byte, from those that all caches share.
    pub(super) fn new(free: Arc<Semaphore>) -> Self {
        Self {
            version: 0,
            blocks: HashMap::new(),
            used: None,
            free,
            taken: None,
        }
    }

    /// Returns at most `limit` users of one type with ids above `after`, as of the connection's transaction.
    pub(super) fn read_type(
        &mut self,
        connection: &Connection,
        user_type: UserType,
        after: u32,
        limit: u32,
    ) -> rusqlite::Result<Block> {
        let version = connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if version != self.version {
            self.clear();
            self.version = version;
        }
        self.used = Some(Instant::now());
        let key = (user_type, after, limit);
        if let Some(block) = self.blocks.get(&key) {
            return Ok(block.clone());
        }
        let block = block::read_type(connection, user_type, after, limit)?;
        let bytes = block.users.byte_len() as u32;
        if let Ok(permit) = self.free.clone().try_acquire_many_owned(bytes) {
            match &mut self.taken {
                Some(taken) => taken.merge(permit),
                None => self.taken = Some(permit),
            }
            self.blocks.insert(key, block.clone());
        }
        Ok(block)
    }

    /// Drops the blocks if they have not been used for some time.
    pub(super) fn sweep(&mut self, now: Instant) {
        if self.used.is_some_and(|used| now - used > KEEP) {
            self.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn clear(&mut self) {
        // A new map, since a cleared one keeps its memory.
        self.blocks = HashMap::new();
        self.taken = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_share_their_bytes() {
        let connection = Connection::open_in_memory().expect("opens");
        connection
            .execute_batch(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, nickname TEXT, mail_address TEXT, user_type INTEGER,
                     created_ms INTEGER, updated_ms INTEGER, revision INTEGER);
                 INSERT INTO users VALUES (1, 'one', 'one@example.com', 1, 0, 0, 1);",
            )
            .expect("filled");
        let read = |cache: &mut BlockCache| {
            let block = cache.read_type(&connection, UserType::Normal, 0, 10);
            block.expect("reads").users
        };
        let users = read(&mut BlockCache::new(Arc::new(Semaphore::new(0))));
        let free = Arc::new(Semaphore::new(users.byte_len()));
        let [mut first, mut second] = [(); 2].map(|()| BlockCache::new(free.clone()));
        for _ in 0..2 {
            assert_eq!(read(&mut first), users);
            assert_eq!(read(&mut second), users);
            assert!(!first.is_empty() && second.is_empty());
        }
        first.sweep(Instant::now() + 2 * KEEP);
        assert!(first.is_empty());
        read(&mut second);
        assert!(!second.is_empty());
    }
}
