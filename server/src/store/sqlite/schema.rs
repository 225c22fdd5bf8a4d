//! Opening the file: the checks, the settings of a connection, and the migrations.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::changes::Changes;
use super::error::{ErrorKind, StoreError};
use super::file::ServerLock;
use super::{block, search};
use crate::directory::{Filter, Seed};

/// The mark of Soundstage in the header of the file: "SNDS".
const APPLICATION_ID: i64 = 0x534e_4453;

/// The number of statements that a connection keeps prepared. A page has one for each order, direction and set of
/// types.
const PREPARED_STATEMENTS: usize = 128;

/// The writer's cache. Holds the parts of the indexes into which new users are inserted.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// The size at which the write-ahead log is copied into the file: 8 MiB.
const CHECKPOINT_PAGES: i64 = 2048;

/// The size to which the write-ahead log is cut when it is reset: as large as it grows between two checkpoints.
const LOG_SIZE: i64 = CHECKPOINT_PAGES * 4096;

/// The number of users between two lines of the log about the progress of indexing.
const USERS_BETWEEN_LINES: u32 = 100 * 1024;

/// The time for which a statement waits for another process to unlock the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A reader's cache. The operating system caches the file as well.
const READER_CACHE_KIB: i64 = 8 * 1024;

/// The migrations from version n to n + 1. Never change a migration: files of every version exist.
const MIGRATIONS: [&str; 5] = ["
    CREATE TABLE users (
        id           INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
        nickname     TEXT    NOT NULL,
        mail_address TEXT    NOT NULL,
        user_type    INTEGER NOT NULL CHECK (user_type BETWEEN 1 AND 4)
    ) STRICT;

    -- Holds whole rows, so that GetUsersByType reads nothing else.
    CREATE INDEX users_by_type ON users (user_type, id, nickname, mail_address);

    -- Counting the users would read all of them; this is one row.
    CREATE TABLE user_count (total INTEGER NOT NULL) STRICT;
    INSERT INTO user_count VALUES (0);
    CREATE TRIGGER user_added   AFTER INSERT ON users BEGIN UPDATE user_count SET total = total + 1; END;
    CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN UPDATE user_count SET total = total - 1; END;
", "
    ALTER TABLE users ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN updated_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN revision   INTEGER NOT NULL DEFAULT 1;

    -- The newest revision that any user has or had.
    ALTER TABLE user_count ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;

    DROP INDEX users_by_type;
    CREATE INDEX users_by_type
        ON users (user_type, id, nickname, mail_address, created_ms, updated_ms, revision);
", "
    CREATE INDEX users_by_nickname     ON users (nickname COLLATE NOCASE, id);
    CREATE INDEX users_by_mail_address ON users (mail_address COLLATE NOCASE, id);
    CREATE INDEX users_by_created      ON users (created_ms, id);
    CREATE INDEX users_by_updated      ON users (updated_ms, id);
    CREATE INDEX users_by_type_and_nickname     ON users (user_type, nickname COLLATE NOCASE, id);
    CREATE INDEX users_by_type_and_mail_address ON users (user_type, mail_address COLLATE NOCASE, id);
    CREATE INDEX users_by_type_and_created      ON users (user_type, created_ms, id);
    CREATE INDEX users_by_type_and_updated      ON users (user_type, updated_ms, id);

    -- search.rs fills it and documents the content.
    CREATE VIRTUAL TABLE user_search
        USING fts5 (grams, tokenize = 'ascii', content = '', contentless_delete = 1, detail = 'none');

    -- The newest revision that any user has or had.
    CREATE TABLE revisions (newest INTEGER NOT NULL) STRICT;
    INSERT INTO revisions SELECT revision FROM user_count;

    -- Counting the users would read all of them; these are four rows.
    CREATE TABLE type_counts (user_type INTEGER PRIMARY KEY, total INTEGER NOT NULL) STRICT;
    INSERT INTO type_counts VALUES (1, 0), (2, 0), (3, 0), (4, 0);
    UPDATE type_counts SET total = (SELECT count(*) FROM users WHERE users.user_type = type_counts.user_type);
    DROP TRIGGER user_added;
    DROP TRIGGER user_removed;
    DROP TABLE user_count;
    CREATE TRIGGER user_added AFTER INSERT ON users BEGIN
        UPDATE type_counts SET total = total + 1 WHERE user_type = NEW.user_type;
    END;
    CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN
        UPDATE type_counts SET total = total - 1 WHERE user_type = OLD.user_type;
    END;
    CREATE TRIGGER user_retyped AFTER UPDATE OF user_type ON users WHEN OLD.user_type <> NEW.user_type BEGIN
        UPDATE type_counts SET total = total - 1 WHERE user_type = OLD.user_type;
        UPDATE type_counts SET total = total + 1 WHERE user_type = NEW.user_type;
    END;

    -- The progress of each import.
    CREATE TABLE imports (
        id         TEXT    PRIMARY KEY,
        updated_ms INTEGER NOT NULL,
        row_count  INTEGER NOT NULL,
        added      INTEGER NOT NULL,
        replaced   INTEGER NOT NULL,
        skipped    INTEGER NOT NULL,
        refused    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
", "
    -- Finds the oldest imports. Without it, each batch of an import would read all of them.
    CREATE INDEX imports_by_update ON imports (updated_ms);

    CREATE TABLE import_count (total INTEGER NOT NULL) STRICT;
    INSERT INTO import_count SELECT count(*) FROM imports;
    CREATE TRIGGER import_added   AFTER INSERT ON imports BEGIN UPDATE import_count SET total = total + 1; END;
    CREATE TRIGGER import_removed AFTER DELETE ON imports BEGIN UPDATE import_count SET total = total - 1; END;
", INDEX_SETTINGS];

/// How the index of grams merges its segments as it grows: 16 of a level at a time, a few pages in each commit. By
/// default FTS5 merges 4 at a time, and so writes each gram more often; the [writer](super::writer) merges the rest
/// while it is idle. A level of 64 segments is merged at once. This is a migration as well: never change it.
const INDEX_SETTINGS: &str = "
    INSERT INTO user_search (user_search, rank) VALUES ('automerge', 16), ('crisismerge', 64);
";

/// Replaces the index of grams by an empty index.
const NEW_INDEX: &str = "
    DROP TABLE user_search;
    CREATE VIRTUAL TABLE user_search
        USING fts5 (grams, tokenize = 'ascii', content = '', contentless_delete = 1, detail = 'none');
";

/// The first version with the index of grams.
const SEARCHABLE_SINCE: usize = 3;

/// Opens the file for writing, locks and checks it, and migrates it; a fresh file gets the users of `seed`.
pub(super) fn open(path: &Path, seed: &Seed) -> Result<(Connection, ServerLock), StoreError> {
    prepare(path, seed).map_err(|kind| StoreError::new(path, kind))
}

fn prepare(path: &Path, seed: &Seed) -> Result<(Connection, ServerLock), ErrorKind> {
    let mut connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    // SQLite silently opens a file read-only if it may not write to it.
    if connection.is_readonly("main")? {
        return Err(ErrorKind::ReadOnly);
    }
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    check_ours(&connection, version)?;
    let lock = ServerLock::take(path)?;
    let is_index_damaged = check_undamaged(&connection)?;

    // With WAL, readers and the writer work in parallel. FULL syncs the log on each commit, so that acknowledged
    // changes survive a power loss, not only a crash.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A page of the file that many commits change is copied from the log once.
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_SIZE, |_| Ok(()))?;
    // The undo data of a statement is small, and would otherwise be written to a file with every row.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    migrate(&transaction, seed)?;
    transaction.commit()?;
    if is_index_damaged {
        rebuild_index(&mut connection)?;
    }
    Ok((connection, lock))
}

/// Opens the file for a backup. Refuses a file of another program or of a newer version.
pub(super) fn open_source(path: &Path) -> Result<Connection, ErrorKind> {
    let connection = open_reader(path)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    check_ours(&connection, version)?;
    Ok(connection)
}

/// Opens the file for reading only.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    // In WAL mode a reader writes to the shared-memory file, so it cannot open the database read-only.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread at a time uses a connection, so SQLite's own mutexes are unnecessary.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    Ok(connection)
}

/// Refuses a file of another program or of a newer version.
fn check_ours(connection: &Connection, version: i64) -> Result<(), ErrorKind> {
    let application_id: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application_id != APPLICATION_ID && (application_id != 0 || objects > 0) {
        return Err(ErrorKind::NotOurs);
    }
    let known = MIGRATIONS.len() as i64;
    if version > known {
        return Err(ErrorKind::NewerSchema {
            found: version,
            known,
        });
    }
    Ok(())
}

/// Checks each table and its indexes. Returns whether a table of the index of grams is damaged. The content of these
/// tables is not checked: that would take three times as long as everything else. A search that finds damage there asks
/// for a rebuild.
fn check_undamaged(connection: &Connection) -> Result<bool, ErrorKind> {
    let mut is_index_damaged = false;
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    for name in names {
        let name = name?;
        let mut check = connection.prepare("SELECT * FROM pragma_quick_check(?1)")?;
        let verdict: String = check.query_row([&name], |row| row.get(0))?;
        match verdict.as_str() {
            "ok" => {}
            _ if name.starts_with("user_search_") => is_index_damaged = true,
            _ => return Err(ErrorKind::Damaged(verdict)),
        }
    }
    Ok(is_index_damaged)
}

/// Rebuilds the index of grams from the users, in one transaction.
pub(super) fn rebuild_index(connection: &mut Connection) -> Result<(), ErrorKind> {
    tracing::warn!("the search index is damaged; rebuilding it");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(NEW_INDEX)?;
    transaction.execute_batch(INDEX_SETTINGS)?;
    index_grams(&transaction)?;
    search::merge_all(&transaction)?;
    transaction.commit()?;
    tracing::info!("the search index is rebuilt");
    Ok(())
}

fn migrate(transaction: &Transaction<'_>, seed: &Seed) -> Result<(), ErrorKind> {
    // Another process may have migrated the file since the first check; from here on no other process can write.
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or_default();
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    if done < SEARCHABLE_SINCE {
        index_grams(transaction)?;
    }
    if done < MIGRATIONS.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    }
    if done == 0 {
        let mut changes = Changes::begin(transaction)?;
        for user in seed.users().map_err(ErrorKind::Seed)? {
            changes.add(&user)?;
        }
        changes.finish()?;
    }
    if done < SEARCHABLE_SINCE {
        search::merge_all(transaction)?;
    }
    Ok(())
}

/// Adds every user to the index of grams.
fn index_grams(transaction: &Transaction<'_>) -> Result<(), ErrorKind> {
    let total: u32 =
        transaction.query_row("SELECT sum(total) FROM type_counts", [], |row| row.get(0))?;
    let (mut after, mut indexed) = (0, 0);
    loop {
        let (users, next) = block::users(transaction, &Filter::default(), after, 1024)?;
        indexed += users.len() as u32;
        if indexed / USERS_BETWEEN_LINES > (indexed - users.len() as u32) / USERS_BETWEEN_LINES {
            tracing::info!(indexed, total, "indexing users for searches");
        }
        for user in &users {
            search::insert(transaction, user)?;
        }
        match next {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}
