//! Updates and deletions: revisions, times, and stale requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost_types::FieldMask;
use soundstage_proto::UserType;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{DeleteUserRequest, UpdateUserRequest, User, UserRequest};
use soundstage_tests::TestServer;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

type Users = UserManagerClient<Channel>;

/// Returns a request to change the fields that the mask names.
fn update(user: User, paths: &[&str]) -> UpdateUserRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateUserRequest {
        user: Some(user),
        update_mask: Some(FieldMask { paths }),
    }
}

async fn stored(users: &mut Users, id: u32) -> Option<User> {
    let response = users.get_user(UserRequest { id }).await.expect("OK");
    response.into_inner().user
}

async fn changed(users: &mut Users, request: UpdateUserRequest) -> Result<User, Status> {
    users
        .update_user(request)
        .await
        .map(tonic::Response::into_inner)
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since_epoch.as_millis()).expect("a time")
}

#[tokio::test]
async fn an_update_changes_the_fields_of_the_mask_and_nothing_else() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let before = stored(&mut users, 3).await.expect("a user");
    // Makes the times differ.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let wanted = User {
        id: 3,
        nickname: "foo bar".into(),
        mail_address: "ignored".into(),
        ..User::default()
    };
    let after = changed(&mut users, update(wanted, &["nickname"]))
        .await
        .expect("OK");
    assert_eq!(
        after,
        User {
            nickname: "foo bar".into(),
            updated_ms: after.updated_ms,
            revision: after.revision,
            ..before.clone()
        }
    );
    assert!(after.revision > before.revision);
    assert!(after.updated_ms > before.updated_ms && after.updated_ms <= now_ms());
    assert_eq!(stored(&mut users, 3).await, Some(after));
}

#[tokio::test]
async fn an_update_without_a_mask_changes_every_field_that_can_be_changed() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let wanted = User {
        id: 4,
        nickname: "new".into(),
        mail_address: "new@example.com".into(),
        user_type: UserType::Guest.into(),
        created_ms: 1,
        ..User::default()
    };
    let request = UpdateUserRequest {
        user: Some(wanted.clone()),
        update_mask: None,
    };
    let after = changed(&mut users, request).await.expect("OK");
    assert_eq!(
        (&after.nickname, &after.mail_address),
        (&wanted.nickname, &wanted.mail_address)
    );
    assert_eq!(after.user_type(), UserType::Guest);
    assert_ne!(
        after.created_ms, 1,
        "only the server sets the creation time"
    );
}

#[tokio::test]
async fn a_stale_request_is_aborted_and_changes_nothing() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let seen = stored(&mut users, 5).await.expect("a user");
    let rename = |nickname: &str, revision| {
        let nickname = nickname.into();
        update(
            User {
                id: 5,
                nickname,
                revision,
                ..User::default()
            },
            &["nickname"],
        )
    };
    let first = changed(&mut users, rename("first", seen.revision))
        .await
        .expect("OK");
    let late = changed(&mut users, rename("second", seen.revision))
        .await
        .expect_err("stale");
    assert_eq!(late.code(), Code::Aborted);
    assert!(
        late.message().contains(&first.revision.to_string()),
        "{late:?}"
    );
    let delete = DeleteUserRequest {
        id: 5,
        revision: seen.revision,
    };
    assert_eq!(
        users.delete_user(delete).await.expect_err("stale").code(),
        Code::Aborted
    );
    assert_eq!(stored(&mut users, 5).await, Some(first.clone()));
    // The current revision and revision 0 are accepted.
    let third = changed(&mut users, rename("third", first.revision))
        .await
        .expect("OK");
    let fourth = changed(&mut users, rename("fourth", 0)).await.expect("OK");
    assert!(fourth.revision > third.revision);
}

#[tokio::test]
async fn one_of_many_updates_of_a_revision_succeeds() {
    let server = TestServer::start().await;
    let seen = stored(&mut server.users().await, 1).await.expect("a user");
    let attempts = (0..32).map(|number| {
        let (server, revision) = (&server, seen.revision);
        async move {
            let user = User {
                id: 1,
                nickname: format!("n{number}"),
                revision,
                ..User::default()
            };
            changed(&mut server.users().await, update(user, &["nickname"])).await
        }
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(
        refused
            .into_iter()
            .all(|status| status.code() == Code::Aborted)
    );
}

#[tokio::test]
async fn an_update_that_breaks_a_rule_is_refused_with_its_fields() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let before = stored(&mut users, 1).await;
    let bad = User {
        id: 1,
        nickname: "\n".into(),
        mail_address: "nobody".into(),
        ..User::default()
    };
    for (request, fields) in [
        (
            update(bad.clone(), &["nickname", "mail_address"]),
            vec!["nickname", "mail_address"],
        ),
        (update(bad.clone(), &["mail_address"]), vec!["mail_address"]),
        (update(bad.clone(), &["user_type"]), vec!["user_type"]),
        (
            update(bad.clone(), &["nickname", "id"]),
            vec!["update_mask"],
        ),
        (UpdateUserRequest::default(), vec!["user"]),
    ] {
        let status = changed(&mut users, request).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_details_bad_request().expect("details");
        let named: Vec<_> = details
            .field_violations
            .iter()
            .map(|violation| &violation.field[..])
            .collect();
        assert_eq!(named, fields);
    }
    assert_eq!(stored(&mut users, 1).await, before);
}

#[tokio::test]
async fn a_deleted_user_that_is_added_again_has_a_new_revision() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let before = stored(&mut users, 6).await.expect("a user");
    let delete = DeleteUserRequest {
        id: 6,
        revision: before.revision,
    };
    assert_eq!(
        users.delete_user(delete).await.expect("OK").into_inner(),
        before
    );
    assert_eq!(stored(&mut users, 6).await, None);
    for id in [6, 99] {
        let delete = DeleteUserRequest { id, revision: 0 };
        assert_eq!(
            users.delete_user(delete).await.expect_err("gone").code(),
            Code::NotFound
        );
        let rename = update(
            User {
                id,
                nickname: "ghost".into(),
                ..User::default()
            },
            &["nickname"],
        );
        assert_eq!(
            changed(&mut users, rename).await.expect_err("gone").code(),
            Code::NotFound
        );
    }
    let again = users
        .add_user(before.clone())
        .await
        .expect("OK")
        .into_inner();
    let again = again.user.expect("stored");
    assert_eq!((&again.nickname, again.id), (&before.nickname, 6));
    assert!(
        again.revision > before.revision,
        "no revision is used twice"
    );
}
