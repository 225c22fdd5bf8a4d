//! `soundstage database backup`: a copy of a running server's database that can be restored.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{ListUsersRequest, User, UserRequest};
use soundstage_tests::binary::{self, Serve};
use soundstage_tests::channel;
use tempfile::TempDir;

fn backup(database: &Path, file: &Path) -> Output {
    binary::run(&[
        "database",
        "backup",
        file.to_str().expect("text"),
        "--database",
        database.to_str().expect("text"),
    ])
}

fn user(id: u32) -> User {
    User {
        id,
        nickname: format!("user {id}"),
        mail_address: format!("user{id}@example.com"),
        user_type: 1,
        ..User::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_every_user_acknowledged_before_it() {
    let folder = TempDir::new().expect("a folder");
    let (database, copy) = (
        folder.path().join("users.db"),
        folder.path().join("copy.db"),
    );
    let server = Serve::start(&database, &["--seed", "none"]);
    let (acknowledged, is_done) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut users = UserManagerClient::new(channel(server.address()).await);
    let (count, stop) = (acknowledged.clone(), is_done.clone());
    let adds = tokio::spawn(async move {
        for id in 1.. {
            if stop.load(Ordering::Relaxed) {
                return id - 1;
            }
            users.add_user(user(id)).await.expect("OK");
            count.store(id, Ordering::Relaxed);
        }
        0
    });
    while acknowledged.load(Ordering::Relaxed) < 300 {
        tokio::task::yield_now().await;
    }
    let before = acknowledged.load(Ordering::Relaxed);
    let output = backup(&database, &copy);
    let after = acknowledged.load(Ordering::Relaxed);
    is_done.store(true, Ordering::Relaxed);
    let stored = adds.await.expect("every add is acknowledged");
    assert!(output.status.success(), "{output:?}");
    assert!(
        stored >= after && after > before,
        "no adds beside the backup"
    );

    // The copy is a whole database: it is restored under another name, and served beside the first.
    let restored = Serve::start(&copy, &["--seed", "none"]);
    let mut users = UserManagerClient::new(channel(restored.address()).await);
    let page = users.list_users(ListUsersRequest::default()).await;
    let total = page.expect("OK").into_inner().total_size;
    assert!(
        (before..=after + 1).contains(&total),
        "{before} <= {total} <= {after}"
    );
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains(&format!("{total} users")), "{printed}");
    for id in 1..=before {
        let found = users.get_user(UserRequest { id }).await.expect("OK");
        let found = found.into_inner().user.expect("a user");
        assert_eq!(found.nickname, user(id).nickname);
    }
    users
        .add_user(user(0))
        .await
        .expect("the copy can be changed");
}

#[test]
fn a_backup_overwrites_nothing_and_names_what_is_missing() {
    let folder = TempDir::new().expect("a folder");
    let (database, copy) = (
        folder.path().join("users.db"),
        folder.path().join("copy.db"),
    );
    let missing = backup(&database, &copy);
    assert_eq!(missing.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&missing.stderr);
    assert!(errors.contains("users.db"), "{errors}");
    assert!(!database.exists() && !copy.exists());

    drop(Serve::start(&database, &[]));
    std::fs::write(&copy, "precious").expect("written");
    let refused = backup(&database, &copy);
    assert_eq!(refused.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(errors.contains("copy.db"), "{errors}");
    assert_eq!(std::fs::read(&copy).expect("read"), b"precious");
    std::fs::remove_file(&copy).expect("deleted");
    let done = backup(&database, &copy);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(
        done.stdout,
        format!("Backed up 6 users to {}\n", copy.display()).as_bytes()
    );
    let names = std::fs::read_dir(folder.path()).expect("a folder");
    let names: Vec<_> = names
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().contains("partial")),
        "{names:?}"
    );
}
