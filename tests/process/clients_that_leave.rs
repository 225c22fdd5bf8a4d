//! Clients that disconnect or stop reading, on each transport.

use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use soundstage_proto::UserType;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{Msg, PositionSubRequest};
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{UserRequest, UserTypeRequest};
use soundstage_tests::binary::{self, Serve};
use soundstage_tests::raw::{Http, get, grpc_web_request, send};
use soundstage_tests::websocket::Call;
use soundstage_tests::{PATIENCE, channel, seed_file};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tonic::transport::Channel;

const POSITIONS: &str = "/posXYZ.PositionService/PositionSub";

/// Waits, at most one second, until the log reports a cancelled call of this method over this transport.
async fn wait_for_cancellation(log: &Path, transport: &str, method: &str) {
    let logged = || {
        let text = std::fs::read_to_string(log).expect("text");
        text.lines().any(|line| {
            line.contains(&format!("transport=\"{transport}\""))
                && line.contains(method)
                && line.contains("status=Cancelled")
        })
    };
    let ended = async {
        while !logged() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), ended)
        .await
        .unwrap_or_else(|_| {
            panic!("the handler of {method} over {transport} still runs without its client")
        });
}

#[tokio::test]
async fn a_handler_ends_within_a_second_of_its_client_disconnecting() {
    let folder = TempDir::new().expect("a folder");
    let log = folder.path().join("log");
    let mut command = binary::serve_command(binary::path(), &folder.path().join("users.db"));
    command
        .args(["--log", "info"])
        .stderr(std::fs::File::create(&log).expect("a file"));
    let server = Serve::spawn(command);

    let mut stage = PositionServiceClient::new(channel(server.address()).await);
    let mut positions = stage
        .position_sub(PositionSubRequest::default())
        .await
        .expect("OK")
        .into_inner();
    positions.message().await.expect("OK").expect("a position");
    drop(positions);
    wait_for_cancellation(&log, "grpc", "PositionSub").await;

    let request = grpc_web_request(
        POSITIONS,
        "application/grpc-web+proto",
        &[],
        &[Msg::default()],
    );
    let mut body = send(server.address(), Http::One, request).await.into_body();
    body.frame().await.expect("a frame").expect("a frame");
    drop(body);
    wait_for_cancellation(&log, "grpc-web", "PositionSub").await;

    // The first client sends a close frame, the second drops its connection, the third drops it before its half-close.
    let mut call = Call::start(server.address(), POSITIONS, &[]).await;
    call.send(&Msg::default()).await;
    call.half_close().await;
    call.headers().await;
    call.socket.send(Message::Close(None)).await.expect("sent");
    wait_for_cancellation(&log, "websocket", "PositionSub").await;
    let mut call = Call::start(server.address(), "/UserManager/GetUsersByIds", &[]).await;
    call.send(&UserRequest { id: 1 }).await;
    call.headers().await;
    drop(call);
    wait_for_cancellation(&log, "websocket", "GetUsersByIds").await;
    let mut call = Call::start(server.address(), "/UserManager/CountAlreadyUsers", &[]).await;
    call.send(&UserRequest { id: 1 }).await;
    drop(call);
    wait_for_cancellation(&log, "websocket", "CountAlreadyUsers").await;
}

/// Returns the resident memory of a process, in bytes.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a line");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .expect("a number")
        * 1024
}

/// Calls `GetUser` in sequence for `duration` and returns the latency of each call. Panics if a call takes over a
/// second.
async fn latencies(
    users: &mut UserManagerClient<Channel>,
    id: u32,
    duration: Duration,
) -> Vec<Duration> {
    let until = Instant::now() + duration;
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        let call = users.get_user(UserRequest { id });
        let response = tokio::time::timeout(Duration::from_secs(1), call)
            .await
            .expect("a response in time");
        assert!(!response.expect("OK").into_inner().error);
        latencies.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    latencies
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

#[tokio::test]
async fn clients_that_stop_reading_for_a_minute_use_little_memory_delay_no_other_call_and_are_cut()
{
    const USERS: u32 = 150_000;
    let folder = TempDir::new().expect("a folder");
    let entry = |id: u32| {
        let nickname = "n".repeat(64);
        format!(
            r#""{id}": {{"id": {id}, "nickname": "{nickname}", "mail_address": "user.{id}.with.a.long.name@example.com", "user_type": "NORMAL"}}"#
        )
    };
    // The stream is longer than 16 MB, so buffering all of it would exceed the limit below.
    let content = format!(
        "{{{}}}",
        (1..=USERS).map(entry).collect::<Vec<_>>().join(",")
    );
    let (path, _) = seed_file(&folder, &content);
    let server = Serve::start(
        &folder.path().join("users.db"),
        &["--seed", path.to_str().expect("text")],
    );
    let of_type = UserTypeRequest {
        user_type: UserType::Normal.into(),
    };

    let mut others = UserManagerClient::new(channel(server.address()).await);
    let first = others
        .get_users_by_type(of_type)
        .await
        .expect("OK")
        .into_inner()
        .next()
        .await;
    first.expect("a user").expect("OK");
    let alone = latencies(&mut others, USERS, Duration::from_secs(2)).await;
    let before = memory(server.id());

    let mut native = UserManagerClient::new(channel(server.address()).await);
    let mut unread = native
        .get_users_by_type(of_type)
        .await
        .expect("OK")
        .into_inner();
    let request = grpc_web_request(
        "/UserManager/GetUsersByType",
        "application/grpc-web+proto",
        &[],
        &[of_type],
    );
    let web = send(server.address(), Http::One, request).await;
    let mut socket = Call::start(server.address(), "/UserManager/GetUsersByType", &[]).await;
    socket.send(&of_type).await;
    socket.half_close().await;
    socket.headers().await;

    // For one minute, three clients do not read and another client calls.
    let mut during = Vec::new();
    let mut most_growth = 0;
    for _ in 0..60 {
        during.extend(latencies(&mut others, USERS, Duration::from_secs(1)).await);
        most_growth = most_growth.max(memory(server.id()).saturating_sub(before));
        assert!(
            most_growth < 16_000_000,
            "the server keeps {most_growth} bytes for clients that do not read"
        );
    }
    // Printed but not asserted, because other tests run at the same time.
    println!(
        "memory grew by {:.1} MB; the median call took {:?} before and {:?} during",
        most_growth as f64 / 1e6,
        median(alone),
        median(during),
    );

    // The stall timeout has passed, so a client that reads again finds its call cut.
    let cut = async {
        loop {
            match unread.message().await {
                Ok(message) => assert!(message.is_some(), "the stream is complete"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(PATIENCE, cut).await.expect("cut");
    let body = tokio::time::timeout(PATIENCE, web.into_body().collect());
    assert!(body.await.expect("cut").is_err(), "the body is complete");
    let cut = async { while let Some(Ok(_)) = socket.socket.next().await {} };
    tokio::time::timeout(PATIENCE, cut).await.expect("cut");
    // These three, and the call whose client left after its first message.
    let cancelled = ended_calls(server.address(), "GetUsersByType", "Cancelled").await;
    assert_eq!(cancelled, 4);
}

/// Returns the number of calls of a method that ended with a status, from `/metrics`.
async fn ended_calls(address: std::net::SocketAddr, method: &str, status: &str) -> u64 {
    let metrics = get(address, "/metrics", &[]).await.into_body();
    let metrics = String::from_utf8(metrics.to_vec()).expect("text");
    let counts = metrics.lines().filter(|line| {
        line.starts_with("grpc_server_handled_total")
            && line.contains(&format!(r#"grpc_method="{method}""#))
            && line.contains(&format!(r#"grpc_code="{status}""#))
    });
    counts
        .map(|line| {
            let count = line.rsplit(' ').next().expect("a count");
            count.parse::<u64>().expect("a number")
        })
        .sum()
}
