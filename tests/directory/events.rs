//! Events: their order, resuming a watch, and resyncs.

use std::sync::Arc;

use soundstage_server::directory::{
    Changed, Event, EventKind, ImportPlan, OnConflict, Progress, Seed, Update, WatchItem, Watcher,
};
use soundstage_tests::PATIENCE;

use crate::conformance::TestStore;
use crate::samples::{add, seeded, user, valid};

async fn next(watcher: &mut Watcher) -> WatchItem {
    let item = tokio::time::timeout(PATIENCE, watcher.next()).await;
    item.expect("an item in time")
}

async fn next_event(watcher: &mut Watcher) -> Arc<Event> {
    match next(watcher).await {
        WatchItem::Event(event) => event,
        WatchItem::Resync(sequence) => panic!("a resync at {sequence}"),
    }
}

/// Returns a watcher of all further events, and the number of the last event so far.
async fn watch<S: TestStore>(store: &S) -> (Watcher, i64) {
    let mut watcher = store.directory().watch(0);
    match next(&mut watcher).await {
        WatchItem::Resync(newest) => (watcher, newest),
        WatchItem::Event(event) => panic!("an event before any change: {event:?}"),
    }
}

pub(crate) async fn each_change_is_one_event_in_order<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let (mut watcher, start) = watch(&store).await;
    let added = add(directory, user(50, "new")).await;
    let update = Update {
        nickname: Some("newer".into()),
        ..Update::default()
    };
    let Ok(Changed::Done(changed)) = directory.update(50, 0, update).await else {
        panic!("not changed");
    };
    // Changes nothing, so it is no event.
    directory
        .add(valid(user(1, "taken")))
        .await
        .expect("answered");
    directory.delete(50, 0).await.expect("deleted");
    let expected = [
        (EventKind::Created, added),
        (EventKind::Changed, changed.clone()),
        (EventKind::Deleted, changed),
    ];
    for ((kind, user), sequence) in expected.into_iter().zip(start + 1..) {
        let event = next_event(&mut watcher).await;
        let expected = Event {
            kind,
            sequence,
            user,
        };
        assert_eq!(*event, expected);
        if kind != EventKind::Deleted {
            assert_eq!(event.user.revision, sequence);
        }
    }
}

pub(crate) async fn a_watcher_resumes_after_a_sequence_number<S: TestStore>() {
    let store = seeded::<S>();
    let (_, start) = watch(&store).await;
    for number in 1..=3 {
        add(store.directory(), user(100 + number, "new")).await;
    }
    let mut watcher = store.directory().watch(start + 1);
    assert_eq!(next_event(&mut watcher).await.user.id, 102);
    assert_eq!(next_event(&mut watcher).await.user.id, 103);
}

pub(crate) async fn an_unknown_sequence_number_is_a_resync<S: TestStore>() {
    let store = seeded::<S>();
    let (_, newest) = watch(&store).await;
    for unknown in [1, newest - 1, newest + 1, i64::MAX] {
        let mut watcher = store.directory().watch(unknown);
        assert_eq!(
            next(&mut watcher).await,
            WatchItem::Resync(newest),
            "{unknown}"
        );
    }
}

pub(crate) async fn an_import_is_an_event_for_each_changed_row<S: TestStore>() {
    let store = seeded::<S>();
    let (mut watcher, start) = watch(&store).await;
    let plan = ImportPlan {
        on_conflict: OnConflict::Replace,
        id: None,
    };
    let rows = [user(100, "new"), user(1, "other"), user(101, "later")];
    let batch = rows.map(|row| Some(valid(row))).into();
    let imported = store.directory().import(plan, Progress::default(), batch);
    imported.await.expect("imported");
    for (kind, id, sequence) in [
        (EventKind::Created, 100, start + 1),
        (EventKind::Changed, 1, start + 2),
        (EventKind::Created, 101, start + 3),
    ] {
        let event = next_event(&mut watcher).await;
        assert_eq!(
            (event.kind, event.user.id, event.sequence),
            (kind, id, sequence)
        );
    }
}

pub(crate) async fn sequence_numbers_continue_after_a_restart<S: TestStore>() {
    let store = seeded::<S>();
    let added = add(store.directory(), user(0, "new")).await;
    let store = store.reopen(&Seed::Nobody);
    let (_, newest) = watch(&store).await;
    assert_eq!(newest, added.revision);
    // The log starts empty, so a watcher from before resumes only where nothing is missing.
    let mut resumed = store.directory().watch(newest);
    let mut missed = store.directory().watch(newest - 1);
    assert_eq!(next(&mut missed).await, WatchItem::Resync(newest));
    let added = add(store.directory(), user(0, "next")).await;
    assert_eq!(next_event(&mut resumed).await.sequence, added.revision);
}
