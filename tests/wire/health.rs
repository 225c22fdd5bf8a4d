//! Whether the server says truly if it can be used.

use soundstage_proto::user::UserRequest;
use soundstage_server::{Server, Settings};
use soundstage_tests::raw::get;
use soundstage_tests::{PATIENCE, TestServer, channel};
use tonic::Code;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

async fn status_of(health: &mut HealthClient<tonic::transport::Channel>, service: &str) -> i32 {
    let request = HealthCheckRequest {
        service: service.into(),
    };
    health.check(request).await.expect("OK").into_inner().status
}

#[tokio::test]
async fn a_running_server_is_serving_under_each_name() {
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
    let answer = get(server.address(), "/healthz", &[]).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, b"serving\n".as_slice())
    );
}

#[tokio::test]
async fn a_stopping_server_tells_its_watchers_that_it_is_not_serving() {
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
        .expect("told in time");
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
async fn until_the_store_is_open_the_server_is_not_serving_and_says_so() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    // Another program holds the file, so that opening it has to wait.
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
        .expect_err("not yet");
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
    thread.join().expect("no panic").expect("a clean end");
}
