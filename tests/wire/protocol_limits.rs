//! What the server takes, and what it cuts: each limit at the limit and past it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use soundstage_proto::user::{User, UserRequest};
use soundstage_tests::raw::{GrpcWebAnswer, Http, grpc_web_request, send};
use soundstage_tests::{PATIENCE, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

/// A user whose message has exactly `size` bytes, and which is not valid for its long nickname.
fn user_of_size(size: usize) -> User {
    // Two bytes of tag and type, three of length: 64 KiB needs three.
    let user = User {
        nickname: "x".repeat(size - 4),
        ..User::default()
    };
    assert_eq!(prost::Message::encoded_len(&user), size);
    user
}

#[tokio::test]
async fn a_message_at_the_limit_is_read_and_one_byte_more_is_resource_exhausted() {
    const LIMIT: usize = 64 * 1024;
    let server = TestServer::start().await;
    let mut users = server.users().await;
    let read = users
        .add_user(user_of_size(LIMIT))
        .await
        .expect_err("not valid");
    assert_eq!(read.code(), Code::InvalidArgument);
    let unread = users
        .add_user(user_of_size(LIMIT + 1))
        .await
        .expect_err("too large");
    assert_eq!(unread.code(), Code::ResourceExhausted);

    let web = grpc_web_request(
        "/UserManager/AddUser",
        "application/grpc-web",
        &[],
        &[user_of_size(LIMIT + 1)],
    );
    assert_eq!(
        GrpcWebAnswer::read(send(server.address(), Http::One, web).await)
            .await
            .status(),
        8
    );

    users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("the connection is unharmed");
}

#[tokio::test]
async fn broken_frames_end_their_call_and_harm_nobody() {
    let server = TestServer::start().await;
    let broken: [&[u8]; 6] = [
        b"",
        b"\0",
        b"\0\0\0\0\x02\x08",
        b"\0\xff\xff\xff\xff\x08\x01",
        b"\x07\0\0\0\x02\x08\x01",
        b"\0\0\0\0\x02\xff\xff",
    ];
    for body in broken {
        let request = http::Request::post("/UserManager/GetUser")
            .header("content-type", "application/grpc-web+proto")
            .body(Full::from(Bytes::copy_from_slice(body)))
            .expect("a request");
        let answer = GrpcWebAnswer::read(send(server.address(), Http::One, request).await).await;
        assert_ne!(answer.status(), 0, "{body:?} was answered");
    }
    server
        .users()
        .await
        .get_user(UserRequest { id: 1 })
        .await
        .expect("the server is unharmed");
}

#[tokio::test]
async fn over_the_limit_of_connections_a_client_waits_until_a_place_is_free() {
    let server = TestServer::start_with(|settings| settings.max_connections = 2).await;
    let ask = b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n";
    let mut first = TcpStream::connect(server.address())
        .await
        .expect("connected");
    let mut second = TcpStream::connect(server.address())
        .await
        .expect("connected");
    for stream in [&mut first, &mut second] {
        stream.write_all(ask).await.expect("sent");
        assert_ne!(stream.read(&mut [0; 512]).await.expect("an answer"), 0);
    }
    let mut third = TcpStream::connect(server.address())
        .await
        .expect("the backlog takes it");
    third.write_all(ask).await.expect("sent");
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(200), third.read(&mut byte)).await;
    assert!(early.is_err(), "answered over the limit");
    drop(first);
    let answered = tokio::time::timeout(PATIENCE, third.read(&mut byte))
        .await
        .expect("answered in time");
    assert_eq!(answered.expect("an answer"), 1);
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_of_it_is_cut_and_one_that_is_quiet_is_not() {
    let timeout = Duration::from_millis(300);
    let server = TestServer::start_with(|settings| settings.header_timeout = timeout).await;
    let mut quiet = server.users().await;
    for said in [
        &b""[..],
        b"PRI * HTTP/2.0\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a-long-enough-name\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address())
            .await
            .expect("connected");
        stream.write_all(said).await.expect("sent");
        let mut answer = Vec::new();
        let cut = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        // Cut with or without a last word; what counts is that the place is free again.
        assert!(cut.is_ok(), "{said:?} holds its connection");
    }
    // Its connection has been open for three times as long without a call.
    quiet
        .get_user(UserRequest { id: 1 })
        .await
        .expect("still open");
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let server = TestServer::start().await;
    let status = async |bytes: usize| {
        let request = http::Request::get("/healthz").header("x-long", "x".repeat(bytes));
        send(
            server.address(),
            Http::One,
            request.body(Full::default()).expect("a request"),
        )
        .await
        .status()
        .as_u16()
    };
    assert_eq!(status(8 * 1024).await, 200);
    assert_eq!(status(128 * 1024).await, 431);
}
