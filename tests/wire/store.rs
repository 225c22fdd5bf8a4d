//! The store behind the library's own door: what it promises when the file is not what it should be.

use std::path::Path;

use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use soundstage_server::store::{
    Added, Changed, ErrorKind, Filter, Order, Page, PageQuery, Seed, Store,
};
use tempfile::TempDir;

fn user(id: u32) -> ValidUser {
    let mail_address = "n@example.com".into();
    ValidUser::try_from(User {
        id,
        nickname: "n".into(),
        mail_address,
        user_type: 1,
        ..User::default()
    })
    .expect("valid")
}

/// The first ten users by id, and how many there are.
fn first_page(store: &Store) -> Page {
    let query = PageQuery {
        filter: Filter::default(),
        order: Order::Id,
        descending: false,
        after: None,
        skip: 0,
        limit: 10,
    };
    store.page(&query).expect("reads")
}

fn problem(path: &Path) -> ErrorKind {
    let error = Store::open(path, &Seed::FirstUsers).expect_err("refused");
    assert!(
        error.to_string().contains(path.to_str().expect("text")),
        "{error} does not name the file"
    );
    error.kind().clone()
}

#[test]
fn a_seed_is_for_a_fresh_file_only() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    assert_eq!(
        first_page(&Store::open(&path, &Seed::Nobody).expect("opens")).total,
        0
    );
    assert_eq!(
        first_page(&Store::open(&path, &Seed::FirstUsers).expect("opens")).total,
        0
    );
}

#[test]
fn a_bad_seed_leaves_no_half_filled_store() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    let missing = Seed::File(folder.path().join("missing.json"));
    let error = Store::open(&path, &missing).expect_err("refused");
    assert!(error.to_string().contains("missing.json"), "{error}");
    assert_eq!(
        first_page(&Store::open(&path, &Seed::FirstUsers).expect("opens")).total,
        6
    );
}

#[tokio::test]
async fn adds_that_queue_together_are_all_stored_once() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::open(&folder.path().join("users.db"), &Seed::Nobody).expect("opens");
    let adds = (0..200).map(|index| store.add(user(index / 2 + 1)));
    let results = futures_util::future::join_all(adds).await;
    let stored = results
        .iter()
        .filter(|result| matches!(result, Ok(Added::Stored(_))))
        .count();
    assert_eq!((stored, results.len()), (100, 200));
    assert_eq!(first_page(&store).total, 100);
}

/// Reads keep their transactions open while nothing is written; nobody may notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_after_an_add_sees_it_and_the_log_stays_small_under_both() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    let store = Store::open(&path, &Seed::Nobody).expect("opens");
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8_u32 {
        let store = store.clone();
        callers.spawn(async move {
            for number in 1..=2500 {
                let id = caller * 2500 + number;
                assert!(matches!(store.add(user(id)).await, Ok(Added::Stored(_))));
                assert!(
                    store.contains(id).expect("reads"),
                    "{id} is not seen right after it was added"
                );
            }
        });
    }
    callers.join_all().await;
    assert_eq!(first_page(&store).total, 20_000);
    let log = std::fs::metadata(path.with_extension("db-wal"))
        .expect("a log")
        .len();
    assert!(
        log < 16 * 1024 * 1024,
        "the log was never reset: {log} bytes"
    );
}

#[tokio::test]
async fn what_another_process_writes_is_seen_soon() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    let store = Store::open(&path, &Seed::FirstUsers).expect("opens");
    assert!(store.contains(1).expect("reads"));
    let other = rusqlite::Connection::open(&path).expect("opens");
    other
        .execute("UPDATE users SET nickname = 'root' WHERE id = 1", [])
        .expect("written");
    let seen = async {
        while store.get(1).expect("reads").expect("a user").nickname != "root" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(soundstage_tests::PATIENCE, seen)
        .await
        .expect("seen in time");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    std::fs::write(
        &path,
        "a letter to a friend, longer than the header of a database ".repeat(20),
    )
    .expect("written");
    let before = std::fs::read(&path).expect("read");
    assert!(matches!(problem(&path), ErrorKind::Damaged(_)));
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[test]
fn a_damaged_page_is_found_at_the_start() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    drop(Store::open(&path, &Seed::FirstUsers).expect("opens"));
    let mut bytes = std::fs::read(&path).expect("read");
    let page = 4096;
    assert!(bytes.len() > 2 * page);
    bytes[page..].fill(0xa5);
    std::fs::write(&path, bytes).expect("written");
    assert!(matches!(problem(&path), ErrorKind::Damaged(_)));
}

#[test]
fn a_cut_file_is_damaged() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    drop(Store::open(&path, &Seed::FirstUsers).expect("opens"));
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(5000))
        .expect("cut");
    assert!(matches!(problem(&path), ErrorKind::Damaged(_)));
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other
        .execute_batch("CREATE TABLE users (id INTEGER)")
        .expect("created");
    assert!(matches!(problem(&path), ErrorKind::NotOurs));
}

/// A file as the first version wrote it: what migrations have to bring up to date.
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
async fn a_file_of_the_first_version_is_brought_up_to_date_with_its_users() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    let old = rusqlite::Connection::open(&path).expect("opens");
    old.execute_batch(FIRST_VERSION).expect("filled");
    drop(old);
    let store = Store::open(&path, &Seed::FirstUsers).expect("migrates");
    let users = first_page(&store).users;
    let kept: Vec<_> = users
        .iter()
        .map(|user| (user.id, &user.nickname[..], user.created_ms, user.revision))
        .collect();
    assert_eq!(kept, [(3, "old", 0, 1), (9, "older", 0, 1)]);
    assert_eq!(
        store
            .block_of_type(UserType::Guest, 0, 10)
            .expect("reads")
            .users,
        users[1..]
    );
    let Ok(Changed::Done(deleted)) = store.delete(3, 1).await else {
        panic!("not deleted");
    };
    assert_eq!(deleted.nickname, "old");
    let Ok(Added::Stored(added)) = store.add(user(0)).await else {
        panic!("not added");
    };
    assert!(added.revision > 2 && added.created_ms > 0, "{added:?}");
    assert_eq!((added.id, first_page(&store).total), (10, 2));
}

#[test]
fn a_newer_schema_is_refused_and_kept() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    drop(Store::open(&path, &Seed::FirstUsers).expect("opens"));
    let later = rusqlite::Connection::open(&path).expect("opens");
    later
        .pragma_update(None, "user_version", 1000)
        .expect("set");
    assert!(matches!(
        problem(&path),
        ErrorKind::NewerSchema { found: 1000, .. }
    ));
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = TempDir::new().expect("a folder");
    assert!(matches!(
        problem(&folder.path().join("missing/users.db")),
        ErrorKind::CannotOpen(_)
    ));
}
