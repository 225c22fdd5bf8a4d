//! The limits of the protocol (`docs/limits.md`): each value and one past it.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use soundstage_proto::position::{Join, PositionSubRequest, PositionSyncRequest};
use soundstage_proto::user::{
    ImportOptions, ImportUsersRequest, ListUsersRequest, User, UserFilter, UserRequest,
};
use soundstage_tests::raw::{GrpcWebResponse, Http, grpc_web_request, send};
use soundstage_tests::{PATIENCE, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

const KIB: usize = 1024;

/// The time for which a test checks that something does not happen.
const PAUSE: Duration = Duration::from_millis(200);

/// Opens a TCP connection and sends `bytes`.
async fn connect_and_send(server: &TestServer, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    stream.write_all(bytes).await.expect("sent");
    stream
}

/// Returns a user whose message has `size` bytes. Its nickname is too long to be valid.
fn user_of_size(size: usize) -> User {
    // The tag takes one byte, the length of 64 KiB three.
    let user = User {
        nickname: "x".repeat(size - 4),
        ..User::default()
    };
    assert_eq!(prost::Message::encoded_len(&user), size);
    user
}

#[tokio::test]
async fn a_message_over_the_limit_is_resource_exhausted() {
    const LIMIT: usize = 64 * KIB;
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let read = users
        .add_user(user_of_size(LIMIT))
        .await
        .expect_err("the user is invalid");
    assert_eq!(read.code(), Code::InvalidArgument);
    let unread = users
        .add_user(user_of_size(LIMIT + 1))
        .await
        .expect_err("the message is too large");
    assert_eq!(unread.code(), Code::ResourceExhausted);

    let web = grpc_web_request(
        "/UserManager/AddUser",
        "application/grpc-web",
        &[],
        &[user_of_size(LIMIT + 1)],
    );
    let response = send(server.address(), Http::One, web).await;
    assert_eq!(GrpcWebResponse::read(response).await.status(), 8);

    users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("the connection is still open");
}

#[tokio::test]
async fn malformed_frames_end_only_their_call() {
    let server = TestServer::start().await;
    let malformed: [&[u8]; 6] = [
        b"",
        b"\0",
        b"\0\0\0\0\x02\x08",
        b"\0\xff\xff\xff\xff\x08\x01",
        b"\x07\0\0\0\x02\x08\x01",
        b"\0\0\0\0\x02\xff\xff",
    ];
    for body in malformed {
        let request = http::Request::post("/UserManager/GetUser")
            .header("content-type", "application/grpc-web+proto")
            .body(Full::from(Bytes::copy_from_slice(body)))
            .expect("a request");
        let response = send(server.address(), Http::One, request).await;
        let status = GrpcWebResponse::read(response).await.status();
        assert_ne!(status, 0, "{body:?} was accepted");
    }
    server
        .users()
        .await
        .get_user(UserRequest { id: 1 })
        .await
        .expect("the server still serves");
}

#[tokio::test]
async fn a_client_over_the_limit_of_connections_waits_for_a_free_slot() {
    let server = TestServer::start_with(|settings| {
        settings.max_connections = 2;
        settings.max_connections_per_address = Some(2);
    })
    .await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n";
    let mut first = connect_and_send(&server, request).await;
    let mut second = connect_and_send(&server, request).await;
    for stream in [&mut first, &mut second] {
        assert_ne!(stream.read(&mut [0; 512]).await.expect("a response"), 0);
    }
    let mut third = connect_and_send(&server, request).await;
    let mut byte = [0];
    let early = tokio::time::timeout(PAUSE, third.read(&mut byte)).await;
    assert!(early.is_err(), "served over the limit");
    drop(first);
    let response = tokio::time::timeout(PATIENCE, third.read(&mut byte))
        .await
        .expect("a response in time");
    assert_eq!(response.expect("a response"), 1);
}

#[tokio::test]
async fn a_client_that_sends_no_complete_request_is_disconnected() {
    let timeout = Duration::from_millis(300);
    let server = TestServer::start_with(|settings| settings.header_timeout = timeout).await;
    let mut idle = server.users().await;
    for incomplete in [
        &b""[..],
        b"PRI * HTTP/2.0\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a-long-enough-name\r\n",
    ] {
        let mut stream = connect_and_send(&server, incomplete).await;
        let mut response = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response)).await;
        // With or without a response: what counts is that the slot is free again.
        assert!(closed.is_ok(), "{incomplete:?} holds its connection");
    }
    // A connection that has completed its handshake may stay idle for longer than the timeout.
    idle.get_user(UserRequest { id: 1 })
        .await
        .expect("the connection is still open");
}

#[tokio::test]
async fn an_http1_head_over_the_limit_is_refused() {
    const LIMIT: usize = 64 * KIB;
    let server = TestServer::start().await;
    let status = async |head: &str| {
        let mut stream = connect_and_send(&server, head.as_bytes()).await;
        let mut status_line = [0; 12];
        stream
            .read_exact(&mut status_line)
            .await
            .expect("a response");
        String::from_utf8_lossy(&status_line).into_owned()
    };
    let start = "GET /healthz HTTP/1.1\r\nhost: here\r\nx-long: ";
    let end = "\r\n\r\n";
    let padding = "x".repeat(LIMIT - start.len() - end.len());
    assert_eq!(
        status(&format!("{start}{padding}{end}")).await,
        "HTTP/1.1 200"
    );
    // The first 64 KiB of a longer head. The server must not wait for the rest.
    assert_eq!(
        status(&format!("{start}{padding}xxxx")).await,
        "HTTP/1.1 431"
    );
}

#[tokio::test]
async fn an_http2_header_list_over_the_limit_is_refused() {
    const LIMIT: usize = 16 * KIB;
    let server = TestServer::start().await;
    let authority = server.address().to_string();
    let status = async |size: usize| {
        let fields = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", &authority),
            (":path", "/healthz"),
            ("x-long", ""),
        ];
        // RFC 9113, section 6.5.2: each field counts 32 bytes more than its name and value.
        let counted = fields.map(|(name, value)| name.len() + value.len() + 32);
        let padding = "x".repeat(size - counted.iter().sum::<usize>());
        let request = http::Request::get("/healthz").header("x-long", padding);
        let request = request.body(Full::default()).expect("a request");
        let response = send(server.address(), Http::Two, request).await;
        response.status().as_u16()
    };
    assert_eq!(status(LIMIT - 1).await, 200);
    assert_eq!(status(LIMIT).await, 431);
}

#[tokio::test]
async fn the_http2_limits_are_announced() {
    let server = TestServer::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut stream = connect_and_send(&server, preface).await;
    let mut settings = None;
    let mut connection_window = None;
    while settings.is_none() || connection_window.is_none() {
        // RFC 9113, section 4.1: three bytes of length, type, flags, four bytes of stream.
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.expect("a frame");
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
        };
        match head[3] {
            4 if length > 0 => {
                let entries = payload.chunks(6);
                let entries = entries.map(|entry| (number(&entry[..2]), number(&entry[2..])));
                settings = Some(entries.collect::<Vec<_>>());
            }
            // The window of a connection begins with 65,535 bytes.
            8 => connection_window = Some(65_535 + number(&payload)),
            _ => {}
        }
    }
    let settings = settings.expect("a SETTINGS frame");
    let max_streams = (3, 256);
    let stream_window = (4, 64 * 1024);
    let max_header_list = (6, 16 * 1024);
    for setting in [max_streams, stream_window, max_header_list] {
        assert!(settings.contains(&setting), "{setting:?} of {settings:?}");
    }
    assert_eq!(connection_window, Some(32 * 1024 * 1024));
}

#[tokio::test]
async fn a_stream_over_the_limit_waits_for_another_to_end() {
    const LIMIT: usize = 256;
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let mut streams = Vec::new();
    for _ in 0..LIMIT {
        let (sender, requests) = tokio::sync::mpsc::channel(1);
        let requests = ReceiverStream::new(requests);
        let responses = users.get_users_by_ids(requests).await;
        streams.push((sender, responses.expect("a free stream").into_inner()));
    }
    let mut call = pin!(users.get_user(UserRequest { id: 1 }));
    let early = tokio::time::timeout(PAUSE, call.as_mut()).await;
    assert!(early.is_err(), "served over the limit");
    // Without its sender, the request stream ends, and so does the call.
    streams.pop();
    let response = tokio::time::timeout(PATIENCE, call)
        .await
        .expect("a response in time");
    response.expect("OK");
}

/// Reads a stream to its end.
async fn read_all<T>(mut responses: Streaming<T>) -> Result<(), Status> {
    while responses.message().await?.is_some() {}
    Ok(())
}

/// Asserts that a request was refused because of one of its fields.
fn assert_refused(result: Result<(), Status>, field: &str) {
    let status = result.expect_err(field);
    assert_eq!(status.code(), Code::InvalidArgument, "{field}");
    let details = status.get_details_bad_request().expect("a BadRequest");
    assert_eq!(details.field_violations[0].field, field);
}

#[tokio::test]
async fn fields_of_the_directory_are_accepted_at_their_limit_and_refused_past_it() {
    let server = TestServer::start().await;
    let users = server.users().await;
    let search = async |length| {
        let filter = UserFilter {
            search: "x".repeat(length),
            ..UserFilter::default()
        };
        let request = ListUsersRequest {
            filter: Some(filter),
            ..ListUsersRequest::default()
        };
        users.clone().list_users(request).await.map(drop)
    };
    search(254).await.expect("OK");
    assert_refused(search(255).await, "filter.search");

    let import = async |length| {
        let options = ImportOptions {
            import_id: "x".repeat(length),
            ..ImportOptions::default()
        };
        let request = ImportUsersRequest {
            options: Some(options),
            ..ImportUsersRequest::default()
        };
        let requests = tokio_stream::iter([request]);
        read_all(users.clone().import_users(requests).await?.into_inner()).await
    };
    import(128).await.expect("OK");
    assert_refused(import(129).await, "options.import_id");
}

#[tokio::test]
async fn fields_of_the_stage_are_accepted_at_their_limit_and_refused_past_it() {
    let server = TestServer::start().await;
    let stage = server.stage().await;
    let subscribe = async |request| stage.clone().position_sub(request).await.map(drop);
    let rate = |max_rate| PositionSubRequest {
        all: true,
        max_rate,
        ..PositionSubRequest::default()
    };
    subscribe(rate(30)).await.expect("OK");
    assert_refused(subscribe(rate(31)).await, "max_rate");
    let characters = |count| PositionSubRequest {
        characters: (1..=count).collect(),
        ..PositionSubRequest::default()
    };
    subscribe(characters(1000)).await.expect("OK");
    assert_refused(subscribe(characters(1001)).await, "characters");

    let join = async |length| {
        let join = Join {
            name: "Ann".into(),
            source: "x".repeat(length),
            ..Join::default()
        };
        let request = PositionSyncRequest {
            joins: vec![join],
            ..PositionSyncRequest::default()
        };
        let requests = tokio_stream::iter([request]);
        read_all(stage.clone().position_sync(requests).await?.into_inner()).await
    };
    join(64).await.expect("OK");
    assert_refused(join(65).await, "joins[0].source");
}
