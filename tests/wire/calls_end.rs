//! Every call ends at its deadline, and when the server stops.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use soundstage_proto::position::{Msg, PositionSubRequest};
use soundstage_proto::user::UserRequest;
use soundstage_tests::raw::{GrpcWebResponse, Http, grpc_web_request, send};
use soundstage_tests::{PATIENCE, TestServer};
use tokio::io::AsyncReadExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};

const DEADLINE: Duration = Duration::from_millis(100);
const DEADLINE_HEADER: (&str, &str) = ("grpc-timeout", "100m");

/// Returns a request stream that stays open and empty, and its sender.
fn open_requests() -> (
    tokio::sync::mpsc::Sender<UserRequest>,
    ReceiverStream<UserRequest>,
) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    (sender, ReceiverStream::new(receiver))
}

/// Returns a request whose deadline only the server enforces. tonic's `set_timeout` would end the call in the client.
fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(
        DEADLINE_HEADER.0,
        DEADLINE_HEADER.1.parse().expect("a header value"),
    );
    request
}

/// Time after a deadline in which a busy machine delivers the status. The server cuts a call 1 s after its deadline.
const DELAY: Duration = Duration::from_millis(900);

/// Asserts that a call ended by its deadline: not earlier, and before the server would have cut the call.
fn assert_deadline_kept(start: Instant) {
    let elapsed = start.elapsed();
    assert!(
        elapsed >= DEADLINE && elapsed < DEADLINE + DELAY,
        "ended after {elapsed:?}"
    );
}

#[tokio::test]
async fn an_endless_stream_ends_at_its_deadline_over_native_grpc() {
    let server = TestServer::start().await;
    let mut stage = server.stage().await;
    let start = Instant::now();
    let mut positions = stage
        .position_sub(with_deadline(PositionSubRequest::default()))
        .await
        .expect("OK")
        .into_inner();
    let status = loop {
        match positions.message().await {
            Ok(position) => assert!(position.is_some(), "the stream ended without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_deadline_kept(start);
}

#[tokio::test]
async fn an_endless_stream_ends_at_its_deadline_over_grpc_web() {
    let server = TestServer::start().await;
    for http in [Http::One, Http::Two] {
        let request = grpc_web_request(
            "/posXYZ.PositionService/PositionSub",
            "application/grpc-web+proto",
            &[DEADLINE_HEADER],
            &[Msg::default()],
        );
        let start = Instant::now();
        let response = GrpcWebResponse::read(send(server.address(), http, request).await).await;
        assert_eq!(response.status(), 4);
        assert!(!response.messages.is_empty());
        assert_deadline_kept(start);
    }
}

/// Makes a native call without a request message, and returns the headers or trailers with its status. tonic's client
/// cannot make it: its own deadline covers the time until the response headers.
async fn call_without_request(server: &TestServer, method: &str) -> HeaderMap {
    let no_requests = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let request = http::Request::post(method)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(DEADLINE_HEADER.0, DEADLINE_HEADER.1)
        .body(StreamBody::new(no_requests))
        .expect("a request");
    let (parts, body) = send(server.address(), Http::Two, request)
        .await
        .into_parts();
    if parts.headers.contains_key("grpc-status") {
        return parts.headers;
    }
    let body = body.collect().await.expect("a complete body");
    body.trailers().expect("trailers").clone()
}

#[tokio::test]
async fn calls_that_wait_for_their_client_end_at_their_deadline() {
    let server = TestServer::start().await;
    for method in [
        "/UserManager/CountAlreadyUsers",
        "/UserManager/GetUsersByIds",
        "/UserManager/GetUser",
    ] {
        let start = Instant::now();
        assert_eq!(
            call_without_request(&server, method).await["grpc-status"],
            "4",
            "{method}"
        );
        assert_deadline_kept(start);
    }
}

#[tokio::test]
async fn a_deadline_in_the_past_is_exceeded_and_a_distant_one_is_accepted() {
    let server = TestServer::start().await;
    for (timeout, status) in [("0n", 4), ("99999999H", 0)] {
        let request = grpc_web_request(
            "/UserManager/GetUser",
            "application/grpc-web+proto",
            &[("grpc-timeout", timeout)],
            &[UserRequest { id: 1 }],
        );
        let response =
            GrpcWebResponse::read(send(server.address(), Http::One, request).await).await;
        assert_eq!(response.status(), status, "{timeout}");
    }
}

#[tokio::test]
async fn a_malformed_deadline_is_an_error() {
    let server = TestServer::start().await;
    for timeout in ["100", "-1S", "123456789n", "1.5S", "S"] {
        let request = grpc_web_request(
            "/UserManager/GetUser",
            "application/grpc-web+proto",
            &[("grpc-timeout", timeout)],
            &[UserRequest { id: 1 }],
        );
        let response =
            GrpcWebResponse::read(send(server.address(), Http::One, request).await).await;
        assert_eq!(response.status(), 3, "{timeout}");
    }
}

#[tokio::test]
async fn a_stopping_server_ends_streams_with_unavailable_within_its_drain() {
    let drain = Duration::from_secs(5);
    let mut server = TestServer::start_with(|settings| settings.drain = drain).await;
    let mut stage = server.stage().await;
    let mut users = server.users().await;

    let mut positions = stage
        .position_sub(PositionSubRequest::default())
        .await
        .expect("OK")
        .into_inner();
    positions.message().await.expect("OK").expect("a position");
    let (_open, requests) = open_requests();
    let mut responses = users
        .get_users_by_ids(requests)
        .await
        .expect("OK")
        .into_inner();
    let (open, requests) = open_requests();
    let mut counting = users.clone();
    let count = tokio::spawn(async move { counting.count_already_users(requests).await });
    // The request starts the handler.
    open.send(UserRequest { id: 1 }).await.expect("a free slot");
    let web = grpc_web_request(
        "/posXYZ.PositionService/PositionSub",
        "application/grpc-web+proto",
        &[],
        &[Msg::default()],
    );
    let web = send(server.address(), Http::One, web).await;
    let mut silent = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    let mut half_request = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    tokio::io::AsyncWriteExt::write_all(&mut half_request, b"GET / HT")
        .await
        .expect("sent");
    users.get_user(UserRequest { id: 1 }).await.expect("OK");

    server.begin_shutdown();
    let start = Instant::now();
    let ended = async {
        let position = loop {
            match positions.message().await {
                Ok(position) => assert!(position.is_some(), "the stream ended without a status"),
                Err(status) => break status,
            }
        };
        let statuses: [Status; 3] = [
            position,
            responses.message().await.expect_err("ended"),
            count.await.expect("no panic").expect_err("ended"),
        ];
        assert_eq!(statuses.map(|status| status.code()), [Code::Unavailable; 3]);
        assert_eq!(GrpcWebResponse::read(web).await.status(), 14);
        assert_eq!(
            silent.read(&mut [0]).await.unwrap_or(0),
            0,
            "the silent connection is closed"
        );
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("the calls end in time");
    tokio::task::spawn_blocking(move || server.stop())
        .await
        .expect("the server stops");
    assert!(start.elapsed() < drain, "took {:?}", start.elapsed());
}
