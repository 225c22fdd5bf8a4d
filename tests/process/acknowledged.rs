//! Acknowledged users survive `kill -9` in the middle of other writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{ListUsersRequest, User, UserRequest};
use soundstage_tests::binary::Serve;
use soundstage_tests::channel;
use tempfile::TempDir;

const ADDS: u32 = 10_000;
const CALLERS: u32 = 64;

fn user(number: u32) -> User {
    let nickname = format!("user {number}");
    User {
        id: number,
        nickname,
        mail_address: format!("user{number}@example.com"),
        user_type: 1,
        ..User::default()
    }
}

/// Adds users until the server dies or all are added. Kills the server at the given number of acknowledgements. Returns
/// the acknowledged ids.
async fn add_until_the_end(server: &Serve, next: Arc<AtomicU32>, kill_at: u32) -> Vec<u32> {
    let mut callers = tokio::task::JoinSet::new();
    let total_acknowledged = Arc::new(AtomicU32::new(0));
    for _ in 0..CALLERS {
        let mut users = UserManagerClient::new(channel(server.address()).await);
        let (next, total, pid) = (next.clone(), total_acknowledged.clone(), server.id());
        callers.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > ADDS {
                    return acknowledged;
                }
                match users.add_user(user(number)).await {
                    Ok(response) => {
                        assert!(!response.into_inner().error, "user {number} exists already");
                        acknowledged.push(number);
                        if total.fetch_add(1, Ordering::Relaxed) + 1 == kill_at {
                            let kill = std::process::Command::new("kill")
                                .args(["-9", &pid.to_string()])
                                .status();
                            assert!(kill.expect("kill runs").success());
                        }
                    }
                    // The server died during this call.
                    Err(_) => return acknowledged,
                }
            }
        });
    }
    callers.join_all().await.concat()
}

#[tokio::test]
async fn every_user_acknowledged_before_kill_9_is_complete_after_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    let next = Arc::new(AtomicU32::new(1));
    let mut acknowledged = Vec::new();
    // The server is killed three times while users are added.
    for kill_at in [700, 2500, 3000, u32::MAX] {
        let server = Serve::start(&database, &["--seed", "none"]);
        acknowledged.extend(add_until_the_end(&server, next.clone(), kill_at).await);
    }
    assert!(
        acknowledged.len() > 9000,
        "only {} adds were acknowledged",
        acknowledged.len()
    );

    let server = Serve::start(&database, &["--seed", "none"]);
    let mut users = UserManagerClient::new(channel(server.address()).await);
    for number in &acknowledged {
        let response = users
            .get_user(UserRequest { id: *number })
            .await
            .expect("OK")
            .into_inner();
        // The server sets these three fields itself.
        let stored = response.user.map(|stored| User {
            created_ms: 0,
            updated_ms: 0,
            revision: 0,
            ..stored
        });
        assert_eq!(
            stored,
            Some(user(*number)),
            "an acknowledged user is lost or damaged"
        );
    }
    // Each caller may have had one unacknowledged add per kill, which may be stored or not.
    let total = users
        .list_users(ListUsersRequest::default())
        .await
        .expect("OK")
        .into_inner()
        .total_size;
    let unacknowledged = 3 * CALLERS;
    assert!(
        (acknowledged.len() as u32..=acknowledged.len() as u32 + unacknowledged).contains(&total),
        "{total} users"
    );
}
