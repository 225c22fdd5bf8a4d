//! Changes of single users: ids, revisions, rules, and what reads see afterwards.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use soundstage_proto::user::User;
use soundstage_server::directory::{Added, Changed, Directory, Update};

use crate::conformance::TestStore;
use crate::samples::{add, empty, found, import, seeded, total, user, valid};

async fn get(directory: &Directory, id: u32) -> Option<User> {
    directory.get(id).await.expect("read")
}

fn rename(nickname: &str) -> Update {
    Update {
        nickname: Some(nickname.into()),
        ..Update::default()
    }
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since_epoch.expect("after 1970").as_millis()).expect("a time")
}

pub(crate) async fn an_added_user_is_read_back_with_its_times_and_revision<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let before = now_ms();
    let added = add(directory, user(4_000_000_000, "猿")).await;
    assert!((before..=now_ms()).contains(&added.created_ms), "{added:?}");
    assert_eq!(added.updated_ms, added.created_ms);
    let expected = User {
        created_ms: added.created_ms,
        updated_ms: added.updated_ms,
        revision: added.revision,
        ..user(4_000_000_000, "猿")
    };
    assert_eq!(added, expected);
    assert_eq!(get(directory, 4_000_000_000).await, Some(added.clone()));
    let next = add(directory, user(1, "next")).await;
    assert_eq!(next.revision, added.revision + 1);
}

pub(crate) async fn a_user_added_again_keeps_its_creation_time<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let with_time = |id, created_ms| User {
        created_ms,
        ..user(id, "again")
    };
    let restored = add(directory, with_time(7, 1_000)).await;
    assert_eq!(restored.created_ms, 1_000);
    assert!(restored.updated_ms > 1_000, "{restored:?}");
    assert_eq!(get(directory, 7).await, Some(restored));
    let before = now_ms();
    for (id, created_ms) in [(0, 1_000), (18, 0), (19, -1), (20, i64::MAX)] {
        let added = add(directory, with_time(id, created_ms)).await;
        assert!((before..=now_ms()).contains(&added.created_ms), "{added:?}");
    }
}

pub(crate) async fn a_taken_id_is_reported_and_nothing_changes<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let before = get(directory, 1).await;
    let added = directory.add(valid(user(1, "intruder"))).await;
    assert_eq!(added, Ok(Added::AlreadyExists));
    assert_eq!(get(directory, 1).await, before);
    assert_eq!(total(directory).await, 6);
}

pub(crate) async fn id_zero_takes_the_id_above_the_highest<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    assert_eq!(add(directory, user(0, "new")).await.id, 7);
    assert_eq!(add(directory, user(100, "new")).await.id, 100);
    assert_eq!(add(directory, user(0, "new")).await.id, 101);
}

pub(crate) async fn id_zero_takes_a_free_id_once_the_highest_id_is_taken<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    for id in [u32::MAX, u32::MAX - 1, 1, 2, 4, 1 << 30, 1 << 31] {
        add(directory, user(id, "taken")).await;
    }
    // Fails if an id is taken.
    for _ in 0..100 {
        let added = add(directory, user(0, "new")).await;
        assert_ne!(added.id, 0);
    }
    assert_eq!(total(directory).await, 107);
    let store = empty::<S>();
    import(
        store.directory(),
        (1..=50).map(|id| user(id, "n")).collect(),
    )
    .await;
    add(store.directory(), user(u32::MAX, "last")).await;
    for id in 51..=60 {
        assert_eq!(add(store.directory(), user(0, "new")).await.id, id);
    }
}

pub(crate) async fn the_highest_id_does_not_slow_down_adds<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    for block in 0..20 {
        let ids = block * 1000 + 1..=block * 1000 + 1000;
        import(directory, ids.map(|id| user(id, "n")).collect()).await;
    }
    // The shortest of some times, because other work on the machine only lengthens them.
    let time = async || {
        let mut times = Vec::new();
        for _ in 0..20 {
            let start = Instant::now();
            import(directory, (0..100).map(|_| user(0, "new")).collect()).await;
            times.push(start.elapsed());
        }
        times.into_iter().min().expect("a time")
    };
    let before = time().await;
    add(directory, user(u32::MAX, "last")).await;
    let after = time().await;
    assert!(after < before * 4, "{before:?}, then {after:?}");
}

pub(crate) async fn concurrent_adds_are_all_stored_once<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let adds = (0..200).map(|index| directory.add(valid(user(index / 2 + 1, "n"))));
    let results = join_all(adds).await;
    let is_stored = |result: &&Result<Added, _>| matches!(result, Ok(Added::Stored(_)));
    assert_eq!(results.iter().filter(is_stored).count(), 100);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(total(directory).await, 100);
}

pub(crate) async fn a_read_after_an_add_sees_the_user<S: TestStore>() {
    let store = empty::<S>();
    let callers = (0..4_u32).map(|caller| {
        let directory = store.directory().clone();
        tokio::spawn(async move {
            for number in 1..=100 {
                let id = caller * 100 + number;
                assert!(!directory.contains(id).await.expect("read"));
                add(&directory, user(id, "n")).await;
                assert!(directory.contains(id).await.expect("read"), "{id}");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("every add is seen");
    }
}

pub(crate) async fn an_update_changes_its_fields_and_nothing_else<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let before = get(directory, 3).await.expect("a user");
    let Ok(Changed::Done(after)) = directory.update(3, 0, rename("foo bar")).await else {
        panic!("not changed");
    };
    let expected = User {
        nickname: "foo bar".into(),
        updated_ms: after.updated_ms,
        revision: after.revision,
        ..before.clone()
    };
    assert_eq!(after, expected);
    assert!(after.revision > before.revision && after.updated_ms >= before.updated_ms);
    assert_eq!(get(directory, 3).await, Some(after));
}

pub(crate) async fn a_stale_update_and_a_stale_delete_change_nothing<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let seen = get(directory, 5).await.expect("a user").revision;
    let Ok(Changed::Done(first)) = directory.update(5, seen, rename("first")).await else {
        panic!("not changed");
    };
    let stale = Ok(Changed::Stale(first.clone()));
    assert_eq!(directory.update(5, seen, rename("second")).await, stale);
    assert_eq!(directory.delete(5, seen).await, stale);
    assert_eq!(get(directory, 5).await, Some(first.clone()));
    let deleted = directory.delete(5, first.revision).await;
    assert_eq!(deleted, Ok(Changed::Done(first)));
}

pub(crate) async fn one_of_many_updates_of_a_revision_succeeds<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let seen = get(directory, 1).await.expect("a user").revision;
    let updates = (0..32).map(|number| directory.update(1, seen, rename(&format!("n{number}"))));
    let outcomes = join_all(updates).await;
    let is_done = |outcome: &&Result<Changed, _>| matches!(outcome, Ok(Changed::Done(_)));
    assert_eq!(outcomes.iter().filter(is_done).count(), 1);
}

pub(crate) async fn an_update_that_breaks_a_rule_is_refused_with_its_fields<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let before = get(directory, 1).await;
    let update = Update {
        nickname: Some(String::new()),
        user_type: Some(9),
        ..Update::default()
    };
    let Ok(Changed::Invalid(errors)) = directory.update(1, 0, update).await else {
        panic!("not refused");
    };
    let fields: Vec<_> = errors.iter().map(|error| &error.field[..]).collect();
    assert_eq!(fields, ["nickname", "user_type"]);
    assert_eq!(get(directory, 1).await, before);
}

pub(crate) async fn changes_of_an_unknown_id_are_not_found<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    assert_eq!(
        directory.update(99, 0, rename("ghost")).await,
        Ok(Changed::NotFound)
    );
    assert_eq!(directory.delete(99, 0).await, Ok(Changed::NotFound));
    assert_eq!(get(directory, 99).await, None);
    assert_eq!(directory.contains(0).await, Ok(false));
}

pub(crate) async fn a_deleted_user_that_is_added_again_has_a_new_revision<S: TestStore>() {
    let store = seeded::<S>();
    let directory = store.directory();
    let before = get(directory, 6).await.expect("a user");
    let deleted = directory.delete(6, before.revision).await;
    assert_eq!(deleted, Ok(Changed::Done(before.clone())));
    assert_eq!(get(directory, 6).await, None);
    let again = add(directory, before.clone()).await;
    assert_eq!((again.id, &again.nickname), (6, &before.nickname));
    assert_eq!(
        again.revision,
        before.revision + 2,
        "the deletion has a revision too"
    );
    let stale = directory.delete(6, before.revision).await;
    assert_eq!(stale, Ok(Changed::Stale(again)));
}

pub(crate) async fn a_search_follows_every_change<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let added = add(directory, user(0, "before")).await;
    assert_eq!(found(directory, "before").await, ["before"]);
    directory
        .update(added.id, 0, rename("after"))
        .await
        .expect("changed");
    assert!(found(directory, "before").await.is_empty());
    assert_eq!(found(directory, "after").await, ["after"]);
    directory.delete(added.id, 0).await.expect("deleted");
    assert!(found(directory, "after").await.is_empty());
}
