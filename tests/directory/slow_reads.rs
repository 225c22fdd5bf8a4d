//! Reads whose cost grows with the directory: their bounds, their interruption, and point reads beside them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{FutureExt as _, poll};
use soundstage_proto::user::User;
use soundstage_server::directory::{
    Directory, DirectoryError, Filter, Order, PageQuery, Seed, WhenBusy,
};
use soundstage_tests::PATIENCE;

use crate::conformance::{Bounds, TestStore};
use crate::samples::{by_id, found, import, page, search, user};

/// Opens a directory where one slow read runs at a time, with users that make a search slow.
async fn open<S: TestStore>(queue: usize) -> S {
    let bounds = Bounds {
        count_limit: 0,
        slow_reads: 1,
        queue,
    };
    let store = S::open(&Seed::Empty, &bounds);
    let name = "é".repeat(64);
    for batch in 0..4 {
        let users = (1..=500).map(|index| User {
            mail_address: "a@b.example".into(),
            ..user(batch * 500 + index, &name)
        });
        import(store.directory(), users.collect()).await;
    }
    store
}

/// Returns a search that reads every user, since all users match and the skip exceeds their number.
fn slow_search() -> PageQuery {
    PageQuery {
        order: Order::Nickname,
        skip: u32::MAX,
        ..by_id(search("é"))
    }
}

/// Returns the shortest of several times of a slow read. The first read fills the cache.
async fn shortest<T>(read: impl AsyncFn() -> T) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        read().await;
        shortest = shortest.min(start.elapsed());
    }
    shortest
}

/// Asserts that one of several attempts takes less than half the time of a slow read. A busy machine delays some of the
/// attempts; a read that is not interrupted delays them all.
async fn assert_interrupted(slow_read: Duration, attempt: impl AsyncFn() -> Duration) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let time = attempt().await;
        if time < slow_read / 2 {
            return;
        }
        times.push(time);
    }
    panic!("{times:?}, and {slow_read:?} for a slow read");
}

/// Returns the time until the store has run a short search.
async fn time_until_idle(directory: &Directory) -> Duration {
    let start = Instant::now();
    assert!(found(directory, "no such text").await.is_empty());
    start.elapsed()
}

pub(crate) async fn a_search_stops_once_its_caller_has_left<S: TestStore>() {
    let store = open::<S>(64).await;
    let directory = store.directory();
    let whole = shortest(async || page(directory, slow_search()).await).await;
    assert_interrupted(whole, async || {
        let mut search = directory.page(slow_search());
        assert!(poll!(&mut search).is_pending());
        tokio::time::sleep(whole / 10).await;
        drop(search);
        time_until_idle(directory).await
    })
    .await;
}

pub(crate) async fn a_queued_search_makes_room_once_its_caller_has_left<S: TestStore>() {
    let store = open::<S>(1).await;
    let directory = store.directory();
    let running = directory.page(slow_search());
    let queued = directory.page(slow_search());
    let refused = directory.page(slow_search()).await;
    assert_eq!(refused, Err(DirectoryError::Overloaded));
    drop(queued);
    let next = directory.page(slow_search());
    assert!(running.await.is_ok() && next.await.is_ok());
}

pub(crate) async fn a_search_beyond_the_queue_is_refused<S: TestStore>() {
    let store = open::<S>(2).await;
    let directory = store.directory();
    let searches: Vec<_> = (0..3).map(|_| directory.page(slow_search())).collect();
    let refused = directory.page(slow_search()).now_or_never();
    assert_eq!(refused, Some(Err(DirectoryError::Overloaded)));
    let export = directory.block(&Filter::default(), 0, 10, WhenBusy::Refuse);
    assert_eq!(export.await, Err(DirectoryError::Overloaded));
    let ids = directory.get_many(vec![1], WhenBusy::Refuse);
    assert_eq!(ids.await, Err(DirectoryError::Overloaded));
    assert!(join_all(searches).await.iter().all(Result::is_ok));
    assert!(directory.page(slow_search()).await.is_ok());
}

pub(crate) async fn a_stream_that_has_begun_waits_for_room<S: TestStore>() {
    let store = open::<S>(1).await;
    let directory = store.directory();
    let searches: Vec<_> = (0..2).map(|_| directory.page(slow_search())).collect();
    let mut block = directory.block(&Filter::default(), 100, 10, WhenBusy::Wait);
    assert!(poll!(&mut block).is_pending());
    drop(searches);
    let block = tokio::time::timeout(PATIENCE, block).await;
    assert_eq!(
        block.expect("in time").expect("a block").users.decode()[0].id,
        101
    );
}

pub(crate) async fn point_reads_are_answered_while_every_slow_read_is_busy<S: TestStore>() {
    let store = open::<S>(1).await;
    let directory = store.directory();
    let mut searches: Vec<_> = (0..2).map(|_| directory.page(slow_search())).collect();
    assert!(directory.get(1).await.expect("read").is_some());
    assert!(directory.contains(2000).await.expect("read"));
    assert_eq!(page(directory, by_id(Filter::default())).await.total, 2000);
    for search in &mut searches {
        assert!(
            poll!(search).is_pending(),
            "a search was done before the point reads"
        );
    }
}

pub(crate) async fn an_interrupted_search_does_not_affect_the_next<S: TestStore>() {
    let store = open::<S>(64).await;
    let directory = store.directory();
    let expected = page(directory, by_id(search("é"))).await;
    for round in 0..20 {
        let search_that_leaves = directory.page(slow_search());
        tokio::time::sleep(Duration::from_micros(round * 300)).await;
        drop(search_that_leaves);
        let next = page(directory, by_id(search("é"))).await;
        assert_eq!(next, expected, "round {round}");
    }
}

pub(crate) async fn closing_ends_the_reads_that_still_run<S: TestStore>() {
    // A block, because its answer does not borrow the store.
    let slow = |store: &S| {
        let directory = store.directory();
        directory.block(&search("é"), 0, u32::MAX, WhenBusy::Refuse)
    };
    let store = open::<S>(64).await;
    let whole = shortest(async || slow(&store).await.expect("a block")).await;
    drop(store);
    assert_interrupted(whole, async || {
        let store = open::<S>(64).await;
        let answers = [slow(&store), slow(&store)];
        tokio::time::sleep(whole / 10).await;
        let start = Instant::now();
        drop(store);
        let closing = start.elapsed();
        for answer in answers {
            let answer = tokio::time::timeout(PATIENCE, answer)
                .await
                .expect("in time");
            assert!(
                matches!(answer, Err(DirectoryError::Closed(_))),
                "{answer:?}"
            );
        }
        closing
    })
    .await;
}
