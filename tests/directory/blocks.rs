//! Blocks: the parts of a stream, and lookups of many ids.

use soundstage_proto::UserType;
use soundstage_server::directory::{Changed, Filter, Update, WhenBusy};

use crate::conformance::TestStore;
use crate::pages::{fill, filters, matches};
use crate::samples::{add, empty, seeded, user};

pub(crate) async fn every_match_is_in_one_block<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    fill(directory).await;
    for filter in filters() {
        let mut users = Vec::new();
        let mut next = Some(0);
        while let Some(after) = next {
            let block = directory.block(&filter, after, 9, WhenBusy::Refuse).await;
            let block = block.expect("a block");
            assert!(block.users.len() <= 9, "{filter:?}");
            users.extend(block.users.decode());
            next = block.after;
        }
        assert_eq!(users, matches(directory, &filter).await, "{filter:?}");
    }
}

pub(crate) async fn every_user_of_a_type_is_in_one_block<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    fill(directory).await;
    for user_type in [UserType::Normal, UserType::Guest, UserType::Disabled] {
        let mut users = Vec::new();
        let mut next = Some(0);
        while let Some(after) = next {
            let block = directory.block_of_type(user_type, after, 7).await;
            let block = block.expect("a block");
            assert!(block.users.len() <= 7, "{user_type:?}");
            users.extend(block.users.decode());
            next = block.after;
        }
        let filter = Filter {
            search: None,
            user_types: vec![user_type.into()],
        };
        assert_eq!(users, matches(directory, &filter).await, "{user_type:?}");
    }
}

pub(crate) async fn a_block_of_a_type_contains_each_change_before_it<S: TestStore>() {
    let store = empty::<S>();
    let directory = store.directory();
    let names = async || {
        let block = directory.block_of_type(UserType::Normal, 0, 10).await;
        let users = block.expect("a block").users.decode();
        users
            .into_iter()
            .map(|user| user.nickname)
            .collect::<Vec<_>>()
    };
    for round in 0..3 {
        let [first, second] = [format!("first {round}"), format!("second {round}")];
        assert!(names().await.is_empty());
        let id = add(directory, user(0, &first)).await.id;
        for _ in 0..2 {
            assert_eq!(names().await, [&first[..]]);
        }
        let update = Update {
            nickname: Some(second.clone()),
            ..Update::default()
        };
        let changed = directory.update(id, 0, update).await;
        assert!(matches!(changed, Ok(Changed::Done(_))), "{changed:?}");
        assert_eq!(names().await, [second]);
        let changed = directory.delete(id, 0).await;
        assert!(matches!(changed, Ok(Changed::Done(_))), "{changed:?}");
    }
}

pub(crate) async fn many_ids_are_read_in_one_call<S: TestStore>() {
    let store = seeded::<S>();
    let ids = vec![6, 99, 2, 0];
    let users = store.directory().get_many(ids, WhenBusy::Refuse).await;
    let mut ids: Vec<_> = users.expect("users").iter().map(|user| user.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [2, 6]);
}
