//! Seeds: the users of a fresh directory.

use soundstage_server::directory::{Filter, Seed};
use soundstage_tests::seed_file;
use tempfile::TempDir;

use crate::conformance::{Bounds, TestStore};
use crate::samples::{by_id, empty, page, seeded, total};

pub(crate) async fn a_fresh_directory_has_the_first_users<S: TestStore>() {
    let store = seeded::<S>();
    let users = page(store.directory(), by_id(Filter::default()))
        .await
        .users;
    let users: Vec<_> = users
        .iter()
        .map(|user| (user.id, &user.nickname[..]))
        .collect();
    let expected = ["admin", "guest", "foo", "troll", "Zaru", "Saru"];
    assert_eq!(users, (1..).zip(expected).collect::<Vec<_>>());
}

pub(crate) async fn a_fresh_directory_has_the_users_of_a_file<S: TestStore>() {
    let folder = TempDir::new().expect("a folder");
    let content = r#"{"9": {"id": 9, "nickname": "九", "mail_address": "9@example.com", "user_type": "GUEST"}}"#;
    let (_, seed) = seed_file(&folder, content);
    let store = S::open(&seed, &Bounds::default());
    let user = store
        .directory()
        .get(9)
        .await
        .expect("read")
        .expect("a user");
    assert_eq!((user.nickname.as_str(), user.user_type), ("九", 3));
    assert!(user.revision > 0 && user.created_ms > 0, "{user:?}");
}

pub(crate) async fn a_directory_that_exists_keeps_its_users<S: TestStore>() {
    let store = empty::<S>();
    let store = store.reopen(&Seed::FirstUsers);
    assert_eq!(total(store.directory()).await, 0);
}
