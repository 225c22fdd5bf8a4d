//! The SQLite store under faults: files that vanish or are shared, long reads, many import names, a damaged index.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use soundstage_proto::user::User;
use soundstage_server::directory::{
    Directory, DirectoryError, ImportPlan, Imported, OnConflict, Order, PageQuery, Progress, Seed,
};
use soundstage_server::store::sqlite::{SqliteOptions, SqliteStore};
use soundstage_tests::PATIENCE;
use tempfile::TempDir;

use crate::samples::{add, by_id, found, import, search, total, user, valid};

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("users.db")
}

fn open(path: &Path) -> Directory {
    let store = SqliteStore::open(path, &Seed::Empty, &SqliteOptions::default());
    Directory::new(store.expect("opens"))
}

/// Returns the path of a file that SQLite keeps beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn other(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).expect("opens")
}

/// Asserts that no change is acknowledged after `fault` has been done to the file.
async fn assert_changes_end(fault: impl FnOnce(&Path)) {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path);
    add(&directory, user(1, "before")).await;
    fault(&path);
    for id in 2..=3 {
        let added = directory.add(valid(user(id, "after"))).await;
        let Err(DirectoryError::Closed(sentence)) = added else {
            panic!("acknowledged, although the file is not there: {added:?}");
        };
        assert!(sentence.contains("users.db"), "{sentence}");
    }
}

#[tokio::test]
async fn no_change_is_acknowledged_once_the_file_is_deleted() {
    assert_changes_end(|path| std::fs::remove_file(path).expect("deleted")).await;
}

#[tokio::test]
async fn no_change_is_acknowledged_once_the_file_is_replaced() {
    assert_changes_end(|path| {
        let copy = path.with_extension("copy");
        std::fs::copy(path, &copy).expect("copied");
        std::fs::rename(copy, path).expect("replaced");
    })
    .await;
}

#[tokio::test]
async fn no_change_is_acknowledged_once_the_log_is_deleted() {
    assert_changes_end(|path| std::fs::remove_file(beside(path, "-wal")).expect("deleted")).await;
}

#[tokio::test]
async fn a_second_store_on_a_file_is_refused_until_the_first_is_closed() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path);
    add(&directory, user(1, "first")).await;
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).expect("linked");
    for path in [&path, &link] {
        let second = SqliteStore::open(path, &Seed::Empty, &SqliteOptions::default());
        let error = second.expect_err("refused").to_string();
        assert!(error.contains("in use by another server"), "{error}");
    }
    let count = |connection: &rusqlite::Connection| -> u32 {
        let count = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0));
        count.expect("other programs can read")
    };
    assert_eq!(count(&other(&path)), 1);
    add(&directory, user(2, "still served")).await;
    drop(directory);
    assert_eq!(total(&open(&path)).await, 2);
}

fn named(id: String) -> ImportPlan {
    ImportPlan {
        on_conflict: OnConflict::Fail,
        id: Some(id),
    }
}

/// Imports one row under a name.
async fn import_one(directory: &Directory, name: String) -> Result<Imported, DirectoryError> {
    let batch = vec![Some(valid(user(0, "n")))];
    let imported = directory.import(named(name), Progress::default(), batch);
    imported.await
}

/// Stores import names directly, as of some time ago.
fn store_names(path: &Path, count: u32, age: Duration) {
    let statement = format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
         INSERT INTO imports (id, updated_ms, row_count, added, replaced, skipped, refused)
         SELECT 'stored ' || n, (unixepoch() - {}) * 1000, 1, 1, 0, 0, 0 FROM number",
        age.as_secs()
    );
    other(path).execute_batch(&statement).expect("stored");
}

fn stored_names(path: &Path) -> u32 {
    let count = other(path).query_row("SELECT count(*) FROM imports", [], |row| row.get(0));
    count.expect("a count")
}

#[tokio::test]
async fn import_names_do_not_slow_down_imports() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path);
    let shortest = async |round: u32| {
        let mut shortest = Duration::MAX;
        for number in 0..30 {
            let start = Instant::now();
            let imported = import_one(&directory, format!("new {round} {number}")).await;
            assert!(imported.is_ok(), "{imported:?}");
            shortest = shortest.min(start.elapsed());
        }
        shortest
    };
    let few = shortest(1).await;
    store_names(&path, 300_000, Duration::from_hours(2));
    let many = shortest(2).await;
    assert!(
        many < few * 4 + Duration::from_millis(2),
        "{few:?}, then {many:?}"
    );
}

#[tokio::test]
async fn import_names_are_bounded_and_the_oldest_go_first() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path);
    store_names(&path, 10_000, Duration::from_hours(2));
    assert!(import_one(&directory, "new".into()).await.is_ok());
    assert!(stored_names(&path) <= 10_000);
    // A name that was used within the last hour is kept, because its client may resume.
    other(&path)
        .execute_batch("UPDATE imports SET updated_ms = unixepoch() * 1000")
        .expect("updated");
    other(&path)
        .execute_batch("UPDATE imports SET id = 'older ' || id WHERE id LIKE 'stored %'")
        .expect("renamed");
    store_names(&path, 100, Duration::ZERO);
    let refused = import_one(&directory, "one more".into()).await;
    assert_eq!(refused, Err(DirectoryError::TooManyImports));
    assert_eq!(
        directory.import_progress("new").await.expect("read").rows,
        1
    );
    let unnamed = import(&directory, vec![user(0, "n")]).await;
    assert_eq!(unnamed.added, 1);
}

#[tokio::test]
async fn an_add_waits_for_a_part_of_the_imports_only() {
    let folder = TempDir::new().expect("a folder");
    let directory = open(&file(&folder));
    let plan = ImportPlan {
        on_conflict: OnConflict::Fail,
        id: None,
    };
    let imports: Vec<_> = (0..16)
        .map(|_| {
            let batch = (0..1024).map(|_| Some(valid(user(0, "imported"))));
            let (directory, plan) = (directory.clone(), plan.clone());
            let batch = batch.collect();
            tokio::spawn(async move { directory.import(plan, Progress::default(), batch).await })
        })
        .collect();
    // Lets each task queue its batch.
    tokio::task::yield_now().await;
    let added = add(&directory, user(0, "added")).await;
    // Ids ascend, so the id counts the rows that were stored before.
    assert!(
        added.id <= 3 * 1024 + 1,
        "{} rows were stored before the add",
        added.id - 1
    );
    for import in imports {
        let imported = import.await.expect("imported");
        assert!(matches!(imported, Ok(Imported::Whole(_))), "{imported:?}");
    }
}

/// Returns a search that reads every user.
fn slow_search() -> PageQuery {
    PageQuery {
        order: Order::Nickname,
        skip: u32::MAX,
        ..by_id(search("é"))
    }
}

/// Opens a store with users that make a search slow.
async fn open_slow(path: &Path, options: &SqliteOptions) -> Directory {
    let store = SqliteStore::open(path, &Seed::Empty, options);
    let directory = Directory::new(store.expect("opens"));
    let name = "é".repeat(64);
    for batch in 0..2 {
        let users = (1..=500).map(|index| User {
            mail_address: "a@b.example".into(),
            ..user(batch * 500 + index, &name)
        });
        import(&directory, users.collect()).await;
    }
    directory
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_is_reset_although_searches_overlap() {
    const LIMIT: u64 = 4 * 1024 * 1024;
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let options = SqliteOptions {
        read_threads: 3,
        count_limit: 0,
        log_limit: LIMIT,
        ..SqliteOptions::default()
    };
    let directory = open_slow(&path, &options).await;
    let mut searches = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let directory = directory.clone();
        searches.spawn(async move {
            loop {
                directory.page(slow_search()).await.expect("a page");
            }
        });
    }
    let mut largest = 0;
    for number in 1..=1500 {
        add(&directory, user(10_000 + number, "n")).await;
        let log = std::fs::metadata(beside(&path, "-wal"))
            .expect("a log")
            .len();
        largest = largest.max(log);
    }
    searches.abort_all();
    assert!(largest < 6 * LIMIT, "the log grew to {largest} bytes");
    // The log is small, and nothing waits for writes.
    assert_eq!(total(&directory).await, 2500);
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_ended() {
    let folder = TempDir::new().expect("a folder");
    let options = SqliteOptions {
        read_threads: 1,
        count_limit: 0,
        read_limit: Duration::from_millis(1),
        ..SqliteOptions::default()
    };
    let directory = open_slow(&file(&folder), &options).await;
    let ended = directory.page(slow_search()).await;
    assert_eq!(ended, Err(DirectoryError::TooSlow));
    assert!(found(&directory, "no such text").await.is_empty());
}

/// A file of the version before import names were counted.
#[tokio::test]
async fn import_names_of_an_older_file_are_kept_and_counted() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    drop(open(&path));
    other(&path)
        .execute_batch(
            "DROP INDEX imports_by_update; DROP TRIGGER import_added; DROP TRIGGER import_removed;
             DROP TABLE import_count; PRAGMA user_version = 3;
             INSERT INTO imports VALUES ('old', unixepoch() * 1000, 7, 7, 0, 0, 0);",
        )
        .expect("an older file");
    let directory = open(&path);
    let progress = directory.import_progress("old").await;
    assert_eq!(progress.expect("read").rows, 7);
    assert!(import_one(&directory, "new".into()).await.is_ok());
    let count = other(&path).query_row("SELECT total FROM import_count", [], |row| row.get(0));
    assert_eq!(count, Ok(2));
}

#[tokio::test]
async fn a_damaged_search_index_is_rebuilt() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder);
    let directory = open(&path);
    import(
        &directory,
        (1..=2000).map(|id| user(id, "before")).collect(),
    )
    .await;
    add(&directory, user(3000, "wanted")).await;
    drop(directory);
    let damaged = other(&path).execute(
        "UPDATE user_search_data SET block = randomblob(length(block)) WHERE id > 10",
        [],
    );
    assert!(damaged.expect("damaged") > 0);
    let directory = open(&path);
    let repaired = async {
        loop {
            match directory.page(by_id(search("wanted"))).await {
                Ok(page) => return page,
                Err(DirectoryError::Rebuilding(_)) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let page = tokio::time::timeout(PATIENCE, repaired).await;
    let users = page.expect("in time").users;
    assert_eq!(users.iter().map(|user| user.id).collect::<Vec<_>>(), [3000]);
    add(&directory, user(3001, "later")).await;
    directory.delete(5, 0).await.expect("deleted");
    assert_eq!(found(&directory, "later").await, ["later"]);
}
