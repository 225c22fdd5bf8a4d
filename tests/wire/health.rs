//! The health service, `/healthz` and the metrics.

use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{Msg, PositionSubRequest};
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{User, UserRequest};
use soundstage_server::{Server, Settings};
use soundstage_tests::raw::{Http, get, grpc_web_request, send};
use soundstage_tests::{PATIENCE, TestServer, channel};
use tonic::Code;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Returns the health status of a service.
async fn status_of(health: &mut HealthClient<tonic::transport::Channel>, service: &str) -> i32 {
    let request = HealthCheckRequest {
        service: service.into(),
    };
    health.check(request).await.expect("OK").into_inner().status
}

#[tokio::test]
async fn a_running_server_reports_every_service_as_serving() {
    let server = TestServer::start().await;
    let mut health = HealthClient::new(channel(server.address()).await);
    for service in ["", "UserManager", "posXYZ.PositionService"] {
        assert_eq!(
            status_of(&mut health, service).await,
            ServingStatus::Serving as i32,
            "{service}"
        );
    }
    let unknown = health
        .check(HealthCheckRequest {
            service: "Nobody".into(),
        })
        .await
        .expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound);
    let response = get(server.address(), "/healthz", &[]).await;
    assert_eq!(
        (response.status().as_u16(), &response.body()[..]),
        (200, b"serving\n".as_slice())
    );
}

#[tokio::test]
async fn a_stopping_server_reports_not_serving_to_its_watchers() {
    let mut server = TestServer::start().await;
    let mut health = HealthClient::new(channel(server.address()).await);
    let mut statuses = health
        .watch(HealthCheckRequest::default())
        .await
        .expect("OK")
        .into_inner();
    let first = statuses.message().await.expect("OK").expect("a status");
    assert_eq!(first.status, ServingStatus::Serving as i32);
    server.begin_shutdown();
    let next = tokio::time::timeout(PATIENCE, statuses.message())
        .await
        .expect("a status in time");
    assert_eq!(
        next.expect("OK").expect("a status").status,
        ServingStatus::NotServing as i32
    );
    assert_eq!(
        statuses.message().await.expect_err("ended").code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn the_server_reports_not_serving_until_the_store_is_open() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    // Another connection locks the file, so that the server waits for it.
    let holder = rusqlite::Connection::open(&database).expect("a database");
    holder.execute_batch("BEGIN EXCLUSIVE").expect("locked");

    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(Settings {
        listen,
        database,
        drain: std::time::Duration::from_millis(600),
        ..Settings::default()
    })
    .expect("a free port");
    let address = server.local_addr().expect("an address");
    let (shutdown, stopped) = tokio::sync::oneshot::channel::<()>();
    let (ready, mut is_ready) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        server.run(async { drop(stopped.await) }, || {
            ready.send(()).unwrap_or_default();
        })
    });

    let mut health = HealthClient::new(channel(address).await);
    assert_eq!(
        status_of(&mut health, "").await,
        ServingStatus::NotServing as i32
    );
    assert_eq!(get(address, "/healthz", &[]).await.status(), 503);
    let mut users =
        soundstage_proto::user::user_manager_client::UserManagerClient::new(channel(address).await);
    let early = users
        .get_user(UserRequest { id: 1 })
        .await
        .expect_err("the store is not open");
    assert_eq!(early.code(), Code::Unavailable);
    assert!(is_ready.try_recv().is_err());

    holder.execute_batch("ROLLBACK").expect("unlocked");
    tokio::time::timeout(PATIENCE, is_ready)
        .await
        .expect("ready in time")
        .expect("ready");
    assert_eq!(
        status_of(&mut health, "").await,
        ServingStatus::Serving as i32
    );
    users.get_user(UserRequest { id: 1 }).await.expect("OK");
    drop(shutdown);
    thread.join().expect("no panic").expect("a clean shutdown");
}

/// Returns the value of the metric whose line has all these labels.
async fn metric(server: &TestServer, name: &str, labels: &[&str]) -> Option<u64> {
    let response = get(server.address(), "/metrics", &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = String::from_utf8(response.body().to_vec()).expect("text");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let line = text.lines().find(|line| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn every_call_is_counted_while_in_progress_and_after_its_end() {
    let server = TestServer::start().await;
    let mut users = UserManagerClient::new(channel(server.address()).await);
    users.get_user(UserRequest { id: 1 }).await.expect("OK");
    let refused = users.add_user(User::default()).await;
    assert_eq!(refused.expect_err("refused").code(), Code::InvalidArgument);
    let handled = "grpc_server_handled_total";
    let get_user = [
        r#"grpc_service="UserManager""#,
        r#"grpc_method="GetUser""#,
        r#"grpc_code="Ok""#,
    ];
    assert_eq!(metric(&server, handled, &get_user).await, Some(1));
    let add_user = [
        r#"grpc_method="AddUser""#,
        r#"transport="grpc""#,
        r#"grpc_code="InvalidArgument""#,
    ];
    assert_eq!(metric(&server, handled, &add_user).await, Some(1));

    let mut stage = PositionServiceClient::new(channel(server.address()).await);
    let positions = stage
        .position_sub(PositionSubRequest::default())
        .await
        .expect("OK");
    let in_progress_labels = [r#"grpc_method="PositionSub""#, r#"transport="grpc""#];
    let in_progress = "grpc_server_in_progress";
    assert_eq!(
        metric(&server, in_progress, &in_progress_labels).await,
        Some(1)
    );
    drop(positions);
    let ended = async {
        while metric(&server, in_progress, &in_progress_labels).await != Some(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the call ends in time");
    let cancelled = [in_progress_labels[0], r#"grpc_code="Cancelled""#];
    assert_eq!(metric(&server, handled, &cancelled).await, Some(1));
}

#[tokio::test]
async fn unknown_methods_share_one_label() {
    let server = TestServer::start().await;
    for unknown in ["/Nobody/Nothing", "/UserManager/Nothing", "/x/y"] {
        let request = grpc_web_request(
            unknown,
            "application/grpc-web+proto",
            &[],
            &[Msg::default()],
        );
        send(server.address(), Http::One, request).await;
    }
    let other = [r#"grpc_service="other""#, r#"grpc_code="Unimplemented""#];
    assert_eq!(
        metric(&server, "grpc_server_handled_total", &other).await,
        Some(3)
    );
}
