//! The SQLite store: the conformance suite's access to it, and its behaviour with damaged, foreign and old files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use soundstage_proto::UserType;
use soundstage_server::directory::{Added, Changed, Directory, Filter, Page, Seed};
use soundstage_server::store::sqlite::{ErrorKind, SqliteOptions, SqliteStore, StoreError};
use soundstage_tests::PATIENCE;
use tempfile::TempDir;

use crate::conformance::{Bounds, TestStore};
use crate::samples::{add, by_id, found, page, total, user, valid};

/// A store in a folder of its own.
pub(crate) struct Sqlite {
    directory: Directory,
    folder: TempDir,
}

impl TestStore for Sqlite {
    fn open(seed: &Seed, bounds: &Bounds) -> Self {
        let folder = TempDir::new().expect("a folder");
        let options = SqliteOptions {
            read_threads: bounds.slow_reads,
            read_queue: bounds.queue,
            count_limit: bounds.count_limit,
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&file(&folder), seed, &options).expect("opens");
        Self {
            directory: Directory::new(store),
            folder,
        }
    }

    fn reopen(self, seed: &Seed) -> Self {
        let Self { directory, folder } = self;
        drop(directory);
        let directory = open(&file(&folder), seed).expect("opens");
        Self { directory, folder }
    }

    fn directory(&self) -> &Directory {
        &self.directory
    }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("users.db")
}

fn open(path: &Path, seed: &Seed) -> Result<Directory, StoreError> {
    SqliteStore::open(path, seed, &SqliteOptions::default()).map(Directory::new)
}

async fn all(directory: &Directory) -> Page {
    page(directory, by_id(Filter::default())).await
}

/// Opens a file that must be refused, and returns the kind of the error.
fn refusal(path: &Path) -> ErrorKind {
    let error = open(path, &Seed::FirstUsers).expect_err("refused");
    assert!(
        error.to_string().contains(path.to_str().expect("text")),
        "{error} does not name the file"
    );
    error.kind().clone()
}

/// Returns the size of the write-ahead log in bytes.
fn log_size(path: &Path) -> u64 {
    let log = std::fs::metadata(path.with_extension("db-wal"));
    log.expect("a log").len()
}

#[tokio::test]
async fn a_bad_seed_leaves_no_half_filled_file() {
    let folder = TempDir::new().expect("a folder");
    let missing = Seed::File(folder.path().join("missing.json"));
    let error = open(&file(&folder), &missing).expect_err("refused");
    assert!(error.to_string().contains("missing.json"), "{error}");
    let directory = open(&file(&folder), &Seed::FirstUsers).expect("opens");
    assert_eq!(total(&directory).await, 6);
}

/// Readers keep their snapshots while nothing is written; they must not delay the reset of the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_stays_small_under_adds_and_reads() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path, &Seed::Empty).expect("opens");
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8_u32 {
        let directory = directory.clone();
        callers.spawn(async move {
            for number in 1..=2500 {
                let id = caller * 2500 + number;
                add(&directory, user(id, "n")).await;
                assert!(directory.contains(id).await.expect("reads"), "{id}");
            }
        });
    }
    callers.join_all().await;
    assert_eq!(total(&directory).await, 20_000);
    let size = log_size(&path);
    assert!(
        size < 16 * 1024 * 1024,
        "the log was never reset: {size} bytes"
    );
}

/// Returns the number of segments of the index of grams.
fn segments(path: &Path) -> u32 {
    let other = rusqlite::Connection::open(path).expect("opens");
    let count = "SELECT count(DISTINCT segid) FROM user_search_idx";
    other
        .query_row(count, [], |row| row.get(0))
        .expect("counted")
}

#[tokio::test]
async fn an_idle_writer_merges_the_segments_of_the_search_index() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path, &Seed::Empty).expect("opens");
    for id in 1..=40 {
        add(&directory, user(id, "wanted")).await;
    }
    // FTS5 itself leaves up to 15 segments of a level.
    let merged = async {
        while segments(&path) > 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, merged)
        .await
        .expect("merged");
    assert_eq!(found(&directory, "wanted").await.len(), 40);
}

#[test]
fn the_search_index_of_a_new_file_is_one_segment() {
    let folder = TempDir::new().expect("a folder");
    let users = (1..=20_000).map(|id| {
        let mail_address = format!("user{id}@example.com");
        let user = serde_json::json!({
            "id": id, "nickname": format!("user number {id}"), "mail_address": mail_address, "user_type": "NORMAL"
        });
        (id.to_string(), user)
    });
    let users: serde_json::Map<_, _> = users.collect();
    let seed = folder.path().join("seed.json");
    std::fs::write(&seed, serde_json::Value::from(users).to_string()).expect("written");
    let path = file(&folder);
    drop(open(&path, &Seed::File(seed)).expect("opens"));
    assert_eq!(segments(&path), 1);
}

#[tokio::test]
async fn changes_of_another_process_are_seen_soon() {
    let folder = TempDir::new().expect("a folder");
    let directory = open(&file(&folder), &Seed::FirstUsers).expect("opens");
    let block = directory
        .block_of_type(UserType::Administrator, 0, 10)
        .await;
    assert_eq!(block.expect("a block").users.decode()[0].id, 1);
    let other = rusqlite::Connection::open(file(&folder)).expect("opens");
    other
        .execute("UPDATE users SET nickname = 'root' WHERE id = 1", [])
        .expect("written");
    let has_change = async || {
        let user = directory.get(1).await.expect("reads").expect("a user");
        let block = directory
            .block_of_type(UserType::Administrator, 0, 10)
            .await;
        let streamed = &block.expect("a block").users.decode()[0];
        user.nickname == "root" && streamed.nickname == "root"
    };
    let seen = async {
        while !has_change().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("in time");
}

#[tokio::test]
async fn an_idle_store_keeps_no_snapshot() {
    let folder = TempDir::new().expect("a folder");
    let directory = open(&file(&folder), &Seed::FirstUsers).expect("opens");
    let other = rusqlite::Connection::open(file(&folder)).expect("opens");
    other
        .execute("UPDATE users SET nickname = 'root' WHERE id = 1", [])
        .expect("written");
    assert!(directory.contains(1).await.expect("reads"));
    // A checkpoint that resets the log is busy while any connection keeps a snapshot.
    let is_busy = || -> bool {
        other
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .expect("answered")
    };
    let reset = async {
        while is_busy() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reset)
        .await
        .expect("in time");
    assert_eq!(log_size(&file(&folder)), 0);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    std::fs::write(
        &path,
        "a letter to a friend, longer than the header of a database ".repeat(20),
    )
    .expect("written");
    let before = std::fs::read(&path).expect("read");
    assert!(matches!(refusal(&path), ErrorKind::Damaged(_)));
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[test]
fn a_damaged_page_is_found_at_the_start() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    drop(open(&path, &Seed::FirstUsers).expect("opens"));
    let mut bytes = std::fs::read(&path).expect("read");
    let page = 4096;
    assert!(bytes.len() > 2 * page);
    bytes[page..].fill(0xa5);
    std::fs::write(&path, bytes).expect("written");
    assert!(matches!(refusal(&path), ErrorKind::Damaged(_)));
}

#[test]
fn a_truncated_file_is_damaged() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    drop(open(&path, &Seed::FirstUsers).expect("opens"));
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(5000))
        .expect("cut");
    assert!(matches!(refusal(&path), ErrorKind::Damaged(_)));
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let other = rusqlite::Connection::open(&path).expect("opens");
    other
        .execute_batch("CREATE TABLE users (id INTEGER)")
        .expect("created");
    assert!(matches!(refusal(&path), ErrorKind::NotOurs));
}

/// A file of the first version, which the migrations bring up to date.
const FIRST_VERSION: &str = "
    PRAGMA application_id = 0x534e4453;
    PRAGMA user_version = 1;
    CREATE TABLE users (
        id           INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
        nickname     TEXT    NOT NULL,
        mail_address TEXT    NOT NULL,
        user_type    INTEGER NOT NULL CHECK (user_type BETWEEN 1 AND 4)
    ) STRICT;
    CREATE INDEX users_by_type ON users (user_type, id, nickname, mail_address);
    CREATE TABLE user_count (total INTEGER NOT NULL) STRICT;
    INSERT INTO user_count VALUES (0);
    CREATE TRIGGER user_added   AFTER INSERT ON users BEGIN UPDATE user_count SET total = total + 1; END;
    CREATE TRIGGER user_removed AFTER DELETE ON users BEGIN UPDATE user_count SET total = total - 1; END;
    INSERT INTO users VALUES (3, 'old', 'old@example.com', 1), (9, 'older', 'older@example.com', 3);
";

#[tokio::test]
async fn a_file_of_the_first_version_is_migrated_with_its_users() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let old = rusqlite::Connection::open(&path).expect("opens");
    old.execute_batch(FIRST_VERSION).expect("filled");
    drop(old);
    let directory = open(&path, &Seed::FirstUsers).expect("migrates");
    let users = all(&directory).await.users;
    let kept: Vec<_> = users
        .iter()
        .map(|user| (user.id, &user.nickname[..], user.created_ms, user.revision))
        .collect();
    assert_eq!(kept, [(3, "old", 0, 1), (9, "older", 0, 1)]);
    let guests = directory.block_of_type(UserType::Guest, 0, 10).await;
    assert_eq!(guests.expect("reads").users.decode(), users[1..]);
    let Ok(Changed::Done(deleted)) = directory.delete(3, 1).await else {
        panic!("not deleted");
    };
    assert_eq!(deleted.nickname, "old");
    let Ok(Added::Stored(added)) = directory.add(valid(user(0, "new"))).await else {
        panic!("not added");
    };
    assert!(added.revision > 2 && added.created_ms > 0, "{added:?}");
    assert_eq!((added.id, total(&directory).await), (10, 2));
    let settings = rusqlite::Connection::open(&path).expect("opens");
    let merged = "SELECT v FROM user_search_config WHERE k = 'automerge'";
    assert_eq!(settings.query_row(merged, [], |row| row.get(0)), Ok(16));
}

#[test]
fn a_newer_schema_is_refused_and_kept() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    drop(open(&path, &Seed::FirstUsers).expect("opens"));
    let later = rusqlite::Connection::open(&path).expect("opens");
    later
        .pragma_update(None, "user_version", 1000)
        .expect("set");
    assert!(matches!(
        refusal(&path),
        ErrorKind::NewerSchema { found: 1000, .. }
    ));
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = TempDir::new().expect("a folder");
    assert!(matches!(
        refusal(&folder.path().join("missing/users.db")),
        ErrorKind::CannotOpen(_)
    ));
}
