//! `UserManager`: every method, and every case that the contract decides.

use soundstage_proto::UserType;
use soundstage_proto::user::{ListUsersRequest, User, UserRequest, UserResponse, UserTypeRequest};
use soundstage_server::directory::Seed;
use soundstage_tests::{PATIENCE, TestServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

fn user(id: u32, nickname: &str) -> User {
    let mail_address = "new@example.com".into();
    User {
        id,
        nickname: nickname.into(),
        mail_address,
        user_type: UserType::Normal.into(),
        ..User::default()
    }
}

/// Clears the fields that the server sets.
fn bare(user: Option<User>) -> Option<User> {
    user.map(|user| User {
        created_ms: 0,
        updated_ms: 0,
        revision: 0,
        ..user
    })
}

fn admin() -> User {
    User {
        id: 1,
        nickname: "admin".into(),
        mail_address: "admin@example.com".into(),
        user_type: UserType::Administrator.into(),
        ..User::default()
    }
}

fn ids(
    ids: impl IntoIterator<Item = u32>,
) -> Request<tokio_stream::Iter<std::vec::IntoIter<UserRequest>>> {
    let requests: Vec<_> = ids.into_iter().map(|id| UserRequest { id }).collect();
    Request::new(tokio_stream::iter(requests))
}

fn violated_fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().expect("a BadRequest");
    details
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

#[tokio::test]
async fn get_user_returns_the_user() {
    let server = TestServer::start().await;
    let response = server
        .users()
        .await
        .get_user(UserRequest { id: 1 })
        .await
        .expect("OK")
        .into_inner();
    assert!(!response.error && response.message.is_empty());
    assert_eq!(bare(response.user), Some(admin()));
}

#[tokio::test]
async fn get_user_reports_an_unknown_id_in_band() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    for id in [0, 7, u32::MAX] {
        let response = users
            .get_user(UserRequest { id })
            .await
            .expect("OK")
            .into_inner();
        assert_eq!(
            response,
            UserResponse {
                error: true,
                message: "not found".into(),
                user: None
            }
        );
    }
}

#[tokio::test]
async fn add_user_stores_the_user_and_returns_it() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let added = users
        .add_user(user(4_000_000_000, "猿"))
        .await
        .expect("OK")
        .into_inner();
    assert!(!added.error && added.message.is_empty());
    assert_eq!(bare(added.user.clone()), Some(user(4_000_000_000, "猿")));
    let got = users
        .get_user(UserRequest { id: 4_000_000_000 })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(got.user, added.user);
}

#[tokio::test]
async fn add_user_reports_a_taken_id_in_band_and_changes_nothing() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let response = users
        .add_user(user(1, "intruder"))
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(
        response,
        UserResponse {
            error: true,
            message: "already exist".into(),
            user: None
        }
    );
    let got = users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(bare(got.user), Some(admin()));
}

#[tokio::test]
async fn add_user_with_id_zero_takes_the_next_free_id() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let mut add = async |id| {
        users
            .add_user(user(id, "new"))
            .await
            .expect("OK")
            .into_inner()
            .user
            .expect("stored")
            .id
    };
    assert_eq!(add(0).await, 7);
    assert_eq!(add(100).await, 100);
    assert_eq!(add(0).await, 101);
    assert_eq!(add(u32::MAX).await, u32::MAX);
    // The bisection for a free id begins at a random id, and ends right above one of two taken ids.
    let id = add(0).await;
    assert!(id == 8 || id == 102, "{id} is not right above a taken id");
}

#[tokio::test]
async fn add_user_refuses_an_invalid_user_names_each_field_and_stores_nothing() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let mut refused = async |user: User| {
        let status = users.add_user(user).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        violated_fields(&status)
    };
    assert_eq!(
        refused(User {
            id: 50,
            ..User::default()
        })
        .await,
        ["nickname", "mail_address", "user_type"]
    );
    assert_eq!(
        refused(User {
            nickname: "x".repeat(65),
            ..user(50, "")
        })
        .await,
        ["nickname"]
    );
    assert_eq!(refused(user(50, "line\nbreak")).await, ["nickname"]);
    assert_eq!(
        refused(User {
            mail_address: "nobody".into(),
            ..user(50, "new")
        })
        .await,
        ["mail_address"]
    );
    assert_eq!(
        refused(User {
            user_type: UserType::None.into(),
            ..user(50, "new")
        })
        .await,
        ["user_type"]
    );
    assert_eq!(
        refused(User {
            user_type: 5,
            ..user(50, "new")
        })
        .await,
        ["user_type"]
    );
    assert_eq!(
        refused(User {
            user_type: -1,
            ..user(50, "new")
        })
        .await,
        ["user_type"]
    );
    let response = users
        .get_user(UserRequest { id: 50 })
        .await
        .expect("OK")
        .into_inner();
    assert!(response.error, "{response:?} was stored");
}

#[tokio::test]
async fn count_already_users_counts_an_id_sent_twice_twice() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    for (sent, expected) in [(vec![], 0), (vec![1, 2, 3], 3), (vec![1, 1, 99, 0, 6], 3)] {
        let response = users
            .count_already_users(ids(sent))
            .await
            .expect("OK")
            .into_inner();
        assert_eq!((response.error, response.user_cnt), (false, expected));
    }
}

#[tokio::test]
async fn count_already_users_takes_ten_thousand_ids() {
    let server = TestServer::start().await;
    let response = server
        .users()
        .await
        .count_already_users(ids(1..=10_000))
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(response.user_cnt, 6);
}

async fn ids_of_type(server: &TestServer, user_type: i32) -> Result<Vec<u32>, Status> {
    let mut responses = server
        .users()
        .await
        .get_users_by_type(UserTypeRequest { user_type })
        .await?
        .into_inner();
    let mut found = Vec::new();
    while let Some(response) = responses.message().await? {
        assert!(!response.error);
        found.push(response.user.expect("a user").id);
    }
    Ok(found)
}

#[tokio::test]
async fn get_users_by_type_streams_by_ascending_id() {
    let server = TestServer::start().await;
    // Not in the order of the ids.
    for id in [9, 8] {
        server
            .users()
            .await
            .add_user(user(id, "late"))
            .await
            .expect("OK");
    }
    assert_eq!(
        ids_of_type(&server, UserType::Normal.into())
            .await
            .expect("OK"),
        [3, 5, 6, 8, 9]
    );
    assert_eq!(
        ids_of_type(&server, UserType::Disabled.into())
            .await
            .expect("OK"),
        [4]
    );
}

#[tokio::test]
async fn get_users_by_type_returns_an_empty_stream_if_no_user_has_the_type() {
    let server = TestServer::start_with(|settings| settings.seed = Seed::Empty).await;
    assert_eq!(
        ids_of_type(&server, UserType::Normal.into())
            .await
            .expect("OK"),
        Vec::<u32>::new()
    );
}

#[tokio::test]
async fn get_users_by_type_returns_an_empty_stream_for_none() {
    let server = TestServer::start().await;
    let found = ids_of_type(&server, UserType::None.into()).await;
    assert_eq!(found.expect("OK"), Vec::<u32>::new());
}

#[tokio::test]
async fn get_users_by_type_refuses_a_number_outside_the_enum() {
    let server = TestServer::start().await;
    for user_type in [5, -1] {
        let status = ids_of_type(&server, user_type).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(violated_fields(&status), ["user_type"]);
    }
}

#[tokio::test]
async fn get_users_by_ids_returns_each_user_before_the_next_id_is_sent() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    // One request at a time: a response that waited for the next request would never come.
    let (sender, requests) = mpsc::channel(1);
    let mut responses = users
        .get_users_by_ids(ReceiverStream::new(requests))
        .await
        .expect("OK")
        .into_inner();
    for round in 0..1000 {
        let id = round % 6 + 1;
        sender
            .send(UserRequest { id })
            .await
            .expect("the call is open");
        let response = tokio::time::timeout(PATIENCE, responses.message())
            .await
            .expect("a response in time");
        assert_eq!(
            response
                .expect("OK")
                .expect("a response")
                .user
                .expect("a user")
                .id,
            id
        );
    }
    drop(sender);
    assert_eq!(responses.message().await.expect("OK"), None);
}

#[tokio::test]
async fn get_users_by_ids_skips_unknown_ids() {
    let server = TestServer::start().await;
    let mut responses = server
        .users()
        .await
        .get_users_by_ids(ids([99, 2, 0, 2, 100]))
        .await
        .expect("OK")
        .into_inner();
    let mut found = Vec::new();
    while let Some(response) = responses.message().await.expect("OK") {
        found.push(response.user.expect("a user").id);
    }
    assert_eq!(found, [2, 2]);
}

async fn page(server: &TestServer, page_size: i32, page_token: &str) -> (Vec<u32>, String, u32) {
    let request = ListUsersRequest {
        page_size,
        page_token: page_token.into(),
        ..ListUsersRequest::default()
    };
    let response = server
        .users()
        .await
        .list_users(request)
        .await
        .expect("OK")
        .into_inner();
    (
        response.users.iter().map(|user| user.id).collect(),
        response.next_page_token,
        response.total_size,
    )
}

#[tokio::test]
async fn list_users_pages_by_key_while_users_are_added() {
    let server = TestServer::start_with(|settings| settings.seed = Seed::Empty).await;
    for id in [10, 20, 30, 40] {
        server
            .users()
            .await
            .add_user(user(id, "early"))
            .await
            .expect("OK");
    }
    let (first, token, total) = page(&server, 2, "").await;
    assert_eq!((first, total), (vec![10, 20], 4));
    // One user before the end of the first page, and one within the next page.
    for id in [15, 25] {
        server
            .users()
            .await
            .add_user(user(id, "late"))
            .await
            .expect("OK");
    }
    let (second, token, total) = page(&server, 2, &token).await;
    assert_eq!((second, total), (vec![25, 30], 6));
    let (last, token, _) = page(&server, 2, &token).await;
    assert_eq!((last, token), (vec![40], String::new()));
}

#[tokio::test]
async fn list_users_has_a_default_and_a_largest_page() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let entry = |id: u32| {
        format!(
            r#""{id}": {{"id": {id}, "nickname": "n", "mail_address": "n@example.com", "user_type": "GUEST"}}"#
        )
    };
    let content = format!(
        "{{{}}}",
        (1..=1200).map(entry).collect::<Vec<_>>().join(",")
    );
    let (_, seed) = soundstage_tests::seed_file(&folder, &content);
    let server = TestServer::start_with(|settings| settings.seed = seed).await;
    assert_eq!(page(&server, 0, "").await.0.len(), 50);
    assert_eq!(page(&server, 1000, "").await.0.len(), 1000);
    assert_eq!(page(&server, i32::MAX, "").await.0.len(), 1000);
    let (rest, token, total) = page(&server, 1000, &page(&server, 1000, "").await.1).await;
    assert_eq!((rest.len(), token.as_str(), total), (200, "", 1200));
    assert_eq!(
        ids_of_type(&server, UserType::Guest.into())
            .await
            .expect("OK"),
        (1..=1200).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn list_users_of_an_empty_store_is_an_empty_page() {
    let server = TestServer::start_with(|settings| settings.seed = Seed::Empty).await;
    assert_eq!(page(&server, 10, "").await, (vec![], String::new(), 0));
}

#[tokio::test]
async fn list_users_refuses_a_negative_size_and_a_made_up_token() {
    let server = TestServer::start().await;
    let refused = async |page_size, page_token: &str| {
        let request = ListUsersRequest {
            page_size,
            page_token: page_token.into(),
            ..ListUsersRequest::default()
        };
        let status = server
            .users()
            .await
            .list_users(request)
            .await
            .expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        violated_fields(&status)
    };
    assert_eq!(refused(-1, "").await, ["page_size"]);
    assert_eq!(refused(10, "50").await, ["page_token"]);
}
