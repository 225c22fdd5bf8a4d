//! Watchers beside writers: the order of sequence numbers, and the cost of many watchers for an add.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soundstage_proto::user::User;
use soundstage_server::directory::{Directory, Event, EventKind, EventLog, Seed, WatchItem};
use soundstage_server::store::sqlite::{SqliteOptions, SqliteStore};
use soundstage_tests::PATIENCE;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::samples::{add, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_never_goes_back() {
    const LAST: i64 = 200_000;
    let log = Arc::new(EventLog::new(0));
    let watchers: Vec<_> = (0..4)
        .map(|_| {
            let mut watcher = log.watch(0);
            tokio::spawn(async move {
                let mut seen = -1;
                while seen < LAST {
                    let sequence = match watcher.next().await {
                        WatchItem::Event(event) => event.sequence,
                        WatchItem::Resync(sequence) => sequence,
                    };
                    assert!(sequence > seen, "{sequence} after {seen}");
                    seen = sequence;
                }
            })
        })
        .collect();
    let append = std::thread::spawn(move || {
        for sequence in 1..=LAST {
            log.append(vec![Event {
                kind: EventKind::Changed,
                sequence,
                user: User::default(),
            }]);
        }
    });
    for watcher in watchers {
        let ended = tokio::time::timeout(PATIENCE, watcher).await;
        ended.expect("in time").expect("no watcher goes back");
    }
    append.join().expect("appended");
}

const WATCHERS: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_watchers_do_not_delay_an_add() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("users.db");
    let store = SqliteStore::open(&path, &Seed::Empty, &SqliteOptions::default());
    let directory = Directory::new(store.expect("opens"));
    let shortest = async || {
        let mut shortest = Duration::MAX;
        for _ in 0..10 {
            let start = Instant::now();
            add(&directory, user(0, "n")).await;
            shortest = shortest.min(start.elapsed());
        }
        shortest
    };
    let alone = shortest().await;
    let start = add(&directory, user(0, "n")).await.revision;
    let waiting = Arc::new(Semaphore::new(0));
    let mut watchers = tokio::task::JoinSet::new();
    for _ in 0..WATCHERS {
        let (mut watcher, waiting) = (directory.watch(start), waiting.clone());
        watchers.spawn(async move {
            loop {
                match watcher.next().await {
                    WatchItem::Event(event) if event.user.nickname == "first" => {
                        waiting.add_permits(1);
                    }
                    WatchItem::Event(event) if event.user.nickname == "last" => return,
                    WatchItem::Event(_) => {}
                    WatchItem::Resync(sequence) => panic!("a resync at {sequence}"),
                }
            }
        });
    }
    add(&directory, user(0, "first")).await;
    let all = tokio::time::timeout(PATIENCE, waiting.acquire_many(WATCHERS)).await;
    drop(all.expect("every watcher receives the first event"));
    let watched = shortest().await;
    let bound = alone * 2 + Duration::from_millis(2);
    assert!(
        watched < bound,
        "{alone:?} alone, {watched:?} with watchers"
    );
    add(&directory, user(0, "last")).await;
    let all = tokio::time::timeout(PATIENCE, watchers.join_all()).await;
    all.expect("every watcher receives the last event");
}
