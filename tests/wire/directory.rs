//! The directory over the wire: searches, orders and pages, watches, imports and exports.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use soundstage_proto::UserType;
use soundstage_proto::user::import_options::OnConflict;
use soundstage_proto::user::list_users_request::Order;
use soundstage_proto::user::user_event::Kind;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{
    DeleteUserRequest, ExportUsersRequest, ImportOptions, ImportProgress, ImportUsersRequest,
    ImportUsersResponse, ListUsersRequest, ListUsersResponse, UpdateUserRequest, User, UserEvent,
    UserFilter, UserRequest, UserTypeRequest, WatchUsersRequest,
};
use soundstage_server::directory::Seed;
use soundstage_tests::{PATIENCE, TestServer, seed_file};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

type Users = UserManagerClient<Channel>;

fn user(id: u32, nickname: &str) -> User {
    User {
        id,
        nickname: nickname.into(),
        mail_address: format!("{id}@example.com"),
        user_type: UserType::Normal.into(),
        ..User::default()
    }
}

fn search(text: &str) -> UserFilter {
    UserFilter {
        search: text.into(),
        user_types: Vec::new(),
    }
}

async fn list(users: &mut Users, request: ListUsersRequest) -> ListUsersResponse {
    users.list_users(request).await.expect("OK").into_inner()
}

/// Returns a client at another address of the loopback network. With a window of 0, its streams last as long as it wants.
async fn users_from(server: &TestServer, address: [u8; 4], window: u32) -> Users {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).expect("a URL");
    let endpoint = endpoint
        .local_address(Some(address.into()))
        .initial_stream_window_size(window);
    let channel = endpoint.connect().await;
    Users::new(channel.expect("connected"))
}

fn names(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.nickname.as_str()).collect()
}

async fn wait<T>(future: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(PATIENCE, future).await;
    in_time.expect("in time")
}

#[tokio::test]
async fn a_search_finds_parts_of_names_and_addresses_and_ids() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    for new in [user(0, "田中"), user(0, "Élodie"), user(0, "Agent 3")] {
        users.add_user(new).await.expect("OK");
    }
    let expectations = [
        ("aru", vec!["Zaru", "Saru"]),
        ("SARU", vec!["Saru"]),
        ("田中", vec!["田中"]),
        ("中", vec!["田中"]),
        ("éLO", vec!["Élodie"]),
        ("3", vec!["foo", "Agent 3"]),
        ("no such text", vec![]),
    ];
    for (text, expected) in expectations {
        let request = ListUsersRequest {
            filter: Some(search(text)),
            ..ListUsersRequest::default()
        };
        let page = list(&mut users, request).await;
        let found = names(&page.users);
        assert!(
            expected.iter().all(|name| found.contains(name)),
            "{text}: {found:?}"
        );
        assert_eq!(page.total_size as usize, found.len(), "{text}");
        assert!(!page.total_is_lower_bound);
        let exported = users
            .export_users(ExportUsersRequest {
                filter: Some(search(text)),
            })
            .await
            .expect("OK");
        let exported: Vec<_> = exported
            .into_inner()
            .map(|user| user.expect("OK"))
            .collect()
            .await;
        assert_eq!(exported, page.users, "{text}");
    }
}

#[tokio::test]
async fn pages_stay_correct_while_users_are_added_and_deleted() {
    let server = TestServer::start_with(|settings| {
        settings.seed = Seed::Empty;
    })
    .await;
    let mut users = server.users().await;
    for (id, name) in ["d", "B", "f", "a", "E", "c"]
        .into_iter()
        .zip(1..)
        .map(|(name, id)| (id, name))
    {
        users.add_user(user(id, name)).await.expect("OK");
    }
    let page = |page_token: String| ListUsersRequest {
        page_size: 2,
        page_token,
        order: Order::Nickname.into(),
        ..ListUsersRequest::default()
    };
    let first = list(&mut users, page(String::new())).await;
    assert_eq!(names(&first.users), ["a", "B"]);
    assert_eq!(first.total_size, 6);
    // The user before the next page is deleted; one user is added before the page and one within it.
    let delete = DeleteUserRequest { id: 2, revision: 0 };
    users.delete_user(delete).await.expect("OK");
    users.add_user(user(20, "aa")).await.expect("OK");
    users.add_user(user(21, "bb")).await.expect("OK");
    let second = list(&mut users, page(first.next_page_token.clone())).await;
    assert_eq!(names(&second.users), ["bb", "c"]);
    let third = list(&mut users, page(second.next_page_token)).await;
    assert_eq!(names(&third.users), ["d", "E"]);

    let backwards = ListUsersRequest {
        descending: true,
        ..page(first.next_page_token)
    };
    let before = list(&mut users, backwards).await;
    assert_eq!(names(&before.users), ["aa", "a"]);
    let from_the_middle = ListUsersRequest {
        skip: 3,
        descending: true,
        ..page(String::new())
    };
    let middle = list(&mut users, from_the_middle).await;
    assert_eq!(names(&middle.users), ["c", "bb"]);
}

#[tokio::test]
async fn a_set_of_types_is_a_filter_with_its_own_total() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let types = [UserType::Administrator, UserType::Guest];
    let request = ListUsersRequest {
        filter: Some(UserFilter {
            search: String::new(),
            user_types: types.map(i32::from).into(),
        }),
        order: Order::Nickname.into(),
        ..ListUsersRequest::default()
    };
    let page = list(&mut users, request.clone()).await;
    assert!(
        page.users
            .iter()
            .all(|user| types.contains(&user.user_type()))
    );
    assert_eq!(page.total_size as usize, page.users.len());
    let before = page.total_size;
    let change = UpdateUserRequest {
        user: Some(User {
            user_type: UserType::Normal.into(),
            ..page.users[0].clone()
        }),
        update_mask: None,
    };
    users.update_user(change).await.expect("OK");
    assert_eq!(list(&mut users, request).await.total_size, before - 1);
}

#[tokio::test]
async fn an_invalid_list_request_is_refused_with_its_field() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let by_name = ListUsersRequest {
        page_size: 1,
        order: Order::Nickname.into(),
        ..ListUsersRequest::default()
    };
    let token = list(&mut users, by_name).await.next_page_token;
    let requests = [
        (
            "order",
            ListUsersRequest {
                order: 9,
                ..ListUsersRequest::default()
            },
        ),
        (
            "page_token",
            ListUsersRequest {
                page_token: token,
                ..ListUsersRequest::default()
            },
        ),
        (
            "filter.search",
            ListUsersRequest {
                filter: Some(search(&"x".repeat(255))),
                ..ListUsersRequest::default()
            },
        ),
        (
            "filter.user_types",
            ListUsersRequest {
                filter: Some(UserFilter {
                    search: String::new(),
                    user_types: vec![0],
                }),
                ..ListUsersRequest::default()
            },
        ),
    ];
    for (field, request) in requests {
        let status = users.list_users(request).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_details_bad_request().expect("fields");
        assert_eq!(details.field_violations[0].field, field);
    }
}

async fn watch(users: &mut Users, after_sequence: i64) -> Streaming<UserEvent> {
    let request = WatchUsersRequest {
        after_sequence,
        heartbeat: false,
    };
    users.watch_users(request).await.expect("OK").into_inner()
}

async fn next_event(events: &mut Streaming<UserEvent>) -> UserEvent {
    wait(events.message()).await.expect("OK").expect("an event")
}

#[tokio::test]
async fn a_watcher_receives_each_change_once_and_can_resume() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let mut events = watch(&mut users, 0).await;
    let start = next_event(&mut events).await;
    assert_eq!((start.kind(), start.user), (Kind::ReadAgain, None));
    let page = list(&mut users, ListUsersRequest::default()).await;
    assert_eq!(page.sequence, start.sequence);

    users.add_user(user(50, "new")).await.expect("OK");
    let change = UpdateUserRequest {
        user: Some(user(50, "newer")),
        update_mask: None,
    };
    let changed = users.update_user(change).await.expect("OK").into_inner();
    let delete = DeleteUserRequest {
        id: 50,
        revision: 0,
    };
    users.delete_user(delete).await.expect("OK");
    // Changes nothing, so it is no event.
    users.add_user(user(1, "taken")).await.expect("OK");
    users.add_user(user(51, "last")).await.expect("OK");

    let mut received = Vec::new();
    for _ in 0..4 {
        received.push(next_event(&mut events).await);
    }
    let kinds: Vec<_> = received.iter().map(UserEvent::kind).collect();
    assert_eq!(
        kinds,
        [Kind::Created, Kind::Changed, Kind::Deleted, Kind::Created]
    );
    let sequences: Vec<_> = received
        .iter()
        .map(|event| event.sequence - start.sequence)
        .collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    assert_eq!(received[1].user, Some(changed.clone()));
    assert_eq!(received[1].sequence, changed.revision);
    assert_eq!(
        received[2].user,
        Some(changed),
        "the state before the deletion"
    );

    let mut resumed = watch(&mut users, received[1].sequence).await;
    assert_eq!(next_event(&mut resumed).await, received[2]);
    assert_eq!(next_event(&mut resumed).await, received[3]);
}

#[tokio::test]
async fn a_watcher_that_cannot_resume_receives_read_again() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    for unknown in [1, i64::MAX] {
        let mut events = watch(&mut users, unknown).await;
        assert_eq!(next_event(&mut events).await.kind(), Kind::ReadAgain);
    }
    let request = WatchUsersRequest {
        after_sequence: -1,
        heartbeat: false,
    };
    let status = users.watch_users(request).await.expect_err("refused");
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_quiet_watch_sends_heartbeats_to_clients_that_ask() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let request = WatchUsersRequest {
        after_sequence: 0,
        heartbeat: true,
    };
    let mut events = users.watch_users(request).await.expect("OK").into_inner();
    let mut silent = watch(&mut users, 0).await;
    let start = next_event(&mut events).await;
    assert_eq!(next_event(&mut silent).await, start);
    for _ in 0..2 {
        let event = next_event(&mut events).await;
        assert_eq!((event.kind(), event.user), (Kind::Heartbeat, None));
        assert_eq!(event.sequence, start.sequence);
    }
    // A heartbeat loses no event, and a client that does not ask receives none.
    users.add_user(user(50, "new")).await.expect("OK");
    let created = next_event(&mut events).await;
    assert_eq!(created.sequence, start.sequence + 1);
    assert_eq!(next_event(&mut silent).await, created);
}

fn options(on_conflict: OnConflict, dry_run: bool, import_id: &str) -> ImportUsersRequest {
    ImportUsersRequest {
        options: Some(ImportOptions {
            on_conflict: on_conflict.into(),
            dry_run,
            import_id: import_id.into(),
        }),
        ..ImportUsersRequest::default()
    }
}

fn row(line: u32, user: User) -> ImportUsersRequest {
    ImportUsersRequest {
        user: Some(user),
        line,
        ..ImportUsersRequest::default()
    }
}

/// Runs an import to its end. Returns the last progress, every response, and the outcome.
async fn import(
    users: &mut Users,
    requests: Vec<ImportUsersRequest>,
) -> (ImportProgress, Vec<ImportUsersResponse>, Result<(), Status>) {
    let responses = users
        .import_users(stream::iter(requests))
        .await
        .expect("OK");
    let mut responses = responses.into_inner();
    let mut received = Vec::new();
    let end = loop {
        match wait(responses.message()).await {
            Ok(Some(response)) => received.push(response),
            Ok(None) => break Ok(()),
            Err(status) => break Err(status),
        }
    };
    let last = received.iter().rev().find_map(|response| response.progress);
    (last.expect("counts"), received, end)
}

#[tokio::test]
async fn an_import_stores_valid_rows_and_reports_each_invalid_row() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let requests = vec![
        options(OnConflict::Skip, false, ""),
        row(1, user(100, "one")),
        row(2, user(0, "picked")),
        row(
            3,
            User {
                mail_address: "nowhere".into(),
                ..user(102, "")
            },
        ),
        row(4, user(1, "taken")),
        row(5, user(103, "two")),
    ];
    let (counts, received, end) = import(&mut users, requests).await;
    end.expect("OK");
    let expected = ImportProgress {
        rows: 5,
        added: 3,
        replaced: 0,
        skipped: 1,
        refused: 1,
    };
    assert_eq!(counts, expected);
    let refused: Vec<_> = received
        .into_iter()
        .filter_map(|response| response.refused)
        .collect();
    let [refused] = refused.as_slice() else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.line, 3);
    let fields: Vec<_> = refused
        .faults
        .iter()
        .map(|fault| fault.field.as_str())
        .collect();
    assert_eq!(fields, ["nickname", "mail_address"]);
    let stored = users
        .get_user(UserRequest { id: 101 })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(stored.user.expect("the next free id").nickname, "picked");
    let first = users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(first.user.expect("a user").nickname, "admin");
}

#[tokio::test]
async fn a_conflict_replaces_a_user_or_ends_the_import() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let rows = || {
        [
            row(1, user(100, "new")),
            row(2, user(1, "other")),
            row(3, user(101, "later")),
        ]
    };
    let requests = |first| std::iter::once(first).chain(rows()).collect::<Vec<_>>();

    let (counts, _, end) = import(&mut users, requests(options(OnConflict::Fail, false, ""))).await;
    let status = end.expect_err("a conflict");
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(status.message().contains("line 2"), "{status}");
    assert_eq!((counts.rows, counts.added), (1, 1));
    let count = list(&mut users, ListUsersRequest::default())
        .await
        .total_size;
    assert_eq!(count, 7, "no row after the conflict is stored");

    let (counts, _, end) = import(
        &mut users,
        requests(options(OnConflict::Replace, false, "")),
    )
    .await;
    end.expect("OK");
    assert_eq!(
        (counts.added, counts.replaced, counts.skipped),
        (1, 1, 1),
        "an equal row is skipped"
    );
    let stored = users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(stored.user.expect("a user").nickname, "other");
}

#[tokio::test]
async fn a_dry_run_reports_the_outcome_and_stores_nothing() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let requests = vec![
        options(OnConflict::Replace, true, "never-kept"),
        row(1, user(100, "new")),
        row(2, user(100, "again")),
        row(3, user(1, "other")),
        row(4, user(101, "")),
    ];
    let (counts, _, end) = import(&mut users, requests).await;
    end.expect("OK");
    let expected = ImportProgress {
        rows: 4,
        added: 1,
        replaced: 2,
        skipped: 0,
        refused: 1,
    };
    assert_eq!(counts, expected);
    let page = list(&mut users, ListUsersRequest::default()).await;
    assert_eq!(page.total_size, 6);
    assert_eq!(page.users[0].nickname, "admin");
}

#[tokio::test]
async fn an_interrupted_import_resumes_at_its_progress() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let (rows, requests) = mpsc::channel(10);
    let begin = || options(OnConflict::Skip, false, "the-import");
    rows.send(begin()).await.expect("open");
    rows.send(row(1, user(0, "one"))).await.expect("open");
    rows.send(row(2, user(0, ""))).await.expect("open");
    let responses = users
        .import_users(ReceiverStream::new(requests))
        .await
        .expect("OK");
    let mut responses = responses.into_inner();
    // Until both rows are imported; the request stream stays open.
    loop {
        let response = wait(responses.message())
            .await
            .expect("OK")
            .expect("counts");
        if response.progress.is_some_and(|progress| progress.rows == 2) {
            break;
        }
    }
    // The connection is lost.
    drop((responses, rows));

    let (rows, requests) = mpsc::channel(10);
    rows.send(begin()).await.expect("open");
    let mut responses = users
        .import_users(ReceiverStream::new(requests))
        .await
        .expect("OK")
        .into_inner();
    let resumed = wait(responses.message())
        .await
        .expect("OK")
        .expect("counts");
    let known = ImportProgress {
        rows: 2,
        added: 1,
        replaced: 0,
        skipped: 0,
        refused: 1,
    };
    assert_eq!(resumed.progress, Some(known));
    // Another call resumes the same import: only one of the two continues.
    let (counts, _, end) = import(&mut users, vec![begin(), row(3, user(0, "three"))]).await;
    end.expect("OK");
    assert_eq!((counts.rows, counts.added), (3, 2));
    rows.send(row(3, user(0, "three"))).await.expect("open");
    let status = wait(responses.message()).await.expect_err("superseded");
    assert_eq!(status.code(), Code::Aborted);
    let page = list(&mut users, ListUsersRequest::default()).await;
    assert_eq!(page.total_size, 8, "each row once");
}

#[tokio::test]
async fn single_adds_are_answered_while_an_import_runs() {
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let rows = (1..=5000_u32).map(|line| row(line, user(0, "many")));
    let requests = std::iter::once(options(OnConflict::Skip, false, "")).chain(rows);
    let responses = users
        .import_users(stream::iter(requests))
        .await
        .expect("OK");
    let mut responses = responses.into_inner();
    let mut adds = 0;
    let mut last = ImportProgress::default();
    let mut other = server.users().await;
    while let Some(response) = wait(responses.message()).await.expect("OK") {
        last = response.progress.unwrap_or(last);
        if last.rows > 0 && last.rows < 5000 {
            let add = other.add_user(user(0, "single"));
            let added = tokio::time::timeout(Duration::from_secs(5), add).await;
            assert!(!added.expect("soon").expect("OK").into_inner().error);
            adds += 1;
        }
    }
    assert_eq!((last.rows, last.added), (5000, 5000));
    assert!(adds >= 2, "{adds} adds between the batches");
}

/// Starts a server with users that make a search slow, and returns the request of such a search.
async fn start_with_slow_searches(folder: &TempDir) -> (TestServer, ListUsersRequest) {
    let name = "é".repeat(64);
    let entry = |id: u32| {
        format!(
            r#""{id}": {{"id": {id}, "nickname": "{name}", "mail_address": "n@example.com", "user_type": "GUEST"}}"#
        )
    };
    let entries: Vec<_> = (1..=1000).map(entry).collect();
    let (_, seed) = seed_file(folder, &format!("{{{}}}", entries.join(",")));
    let server = TestServer::start_with(|settings| settings.seed = seed).await;
    let request = ListUsersRequest {
        filter: Some(search("é")),
        order: Order::Nickname.into(),
        skip: u32::MAX,
        ..ListUsersRequest::default()
    };
    (server, request)
}

#[tokio::test]
async fn searches_beyond_the_queue_are_refused_and_delay_no_point_read() {
    let folder = TempDir::new().expect("a folder");
    let (server, request) = start_with_slow_searches(&folder).await;
    let users = server.users().await;
    // The queue has room for the searches of two addresses.
    let mut searches = tokio::task::JoinSet::new();
    for address in 1..=5 {
        let address = users_from(&server, [127, 0, 1, address], 65_535).await;
        for _ in 0..32 {
            let (mut users, request) = (address.clone(), request.clone());
            searches.spawn(async move { users.list_users(request).await });
        }
    }
    // The first result is a refusal, which arrives immediately; the searches in the queue continue.
    let first = wait(searches.join_next()).await.expect("a search");
    let refusal = first.expect("no panic").expect_err("refused");
    let user = wait(users.clone().get_user(UserRequest { id: 1000 })).await;
    assert!(!user.expect("OK").into_inner().error);
    let mut answered = 0;
    let mut refused = 1;
    let mut still_waiting = 0;
    while let Some(search) = searches.try_join_next() {
        still_waiting = searches.len();
        refused += u32::from(search.expect("no panic").is_err());
    }
    assert!(still_waiting > 0, "the point read waited for every search");
    while let Some(search) = wait(searches.join_next()).await {
        match search.expect("no panic") {
            Ok(_) => answered += 1,
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted);
                refused += 1;
            }
        }
    }
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert!(refusal.message().contains("try again"), "{refusal}");
    assert!(
        answered >= 64 && refused >= 60,
        "{answered} answered, {refused} refused"
    );
}

#[tokio::test]
async fn searches_stop_once_their_deadline_has_passed() {
    let folder = TempDir::new().expect("a folder");
    let (server, request) = start_with_slow_searches(&folder).await;
    let mut users = server.users().await;
    // The first search reads the file, the second the cache.
    list(&mut users, request.clone()).await;
    let start = Instant::now();
    list(&mut users, request.clone()).await;
    let one = start.elapsed();
    let searches = (0..60).map(|_| {
        let mut users = users.clone();
        let mut request = tonic::Request::new(request.clone());
        request.set_timeout(one);
        async move { users.list_users(request).await }
    });
    let outcomes = wait(futures_util::future::join_all(searches)).await;
    let late = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert!(late > 40, "{late} of 60");
    // Abandoned searches would occupy the server for twenty times this time.
    let start = Instant::now();
    list(&mut users, request).await;
    let next = start.elapsed();
    assert!(next < 6 * one, "{next:?} after searches of {one:?}");
}

#[tokio::test]
async fn one_address_leaves_room_for_the_searches_of_others() {
    let server = TestServer::start().await;
    let greedy = [127, 0, 0, 2];
    let mut held = Vec::new();
    let of_type = || UserTypeRequest { user_type: 1 };
    let mut client = users_from(&server, greedy, 0).await;
    for _ in 0..128 {
        let stream = client.get_users_by_type(of_type()).await;
        held.push(stream.expect("OK"));
    }
    let mut exports = Vec::new();
    for _ in 0..32 {
        let export = client.export_users(ExportUsersRequest::default()).await;
        exports.push(export.expect("OK"));
    }
    let mut greedy = users_from(&server, greedy, 65_535).await;
    let refused = greedy.get_users_by_type(of_type()).await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let a_search = || ListUsersRequest {
        filter: Some(search("さる")),
        ..ListUsersRequest::default()
    };
    let refused = greedy.list_users(a_search()).await.expect_err("refused");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("your address"), "{refused}");
    let refused = greedy.export_users(ExportUsersRequest::default()).await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    list(&mut greedy, ListUsersRequest::default()).await;
    list(&mut server.users().await, a_search()).await;
    exports.pop();
    let accepted = async { while greedy.list_users(a_search()).await.is_err() {} };
    wait(accepted).await;
}
