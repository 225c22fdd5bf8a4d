//! Clients that hold a connection or a call: each hold ends, and a quiet stream does not.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use soundstage_proto::UserType;
use soundstage_proto::user::{UserRequest, UserResponse, UserTypeRequest};
use soundstage_server::Settings;
use soundstage_tests::raw::{frame, get};
use soundstage_tests::websocket::Call;
use soundstage_tests::{PATIENCE, TestServer, seed_file};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const BY_TYPE: &str = "/UserManager/GetUsersByType";
const COUNT: &str = "/UserManager/CountAlreadyUsers";

/// The timeouts of the servers in this file.
const SHORT: Duration = Duration::from_millis(300);

/// The number of connections of each kind of hold. The server serves no more.
const MAX_CONNECTIONS: usize = 100;

/// Starts a server with 10,000 users, which are more than the buffers of one connection.
async fn start_with(adjust: impl FnOnce(&mut Settings)) -> (TestServer, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let nickname = "n".repeat(60);
    let users = (1..=10_000).map(|id| {
        format!(
            r#""{id}": {{"id": {id}, "nickname": "{nickname}", "mail_address": "user.{id}.with.a.long.name@a.long.domain.example.com", "user_type": "NORMAL"}}"#
        )
    });
    let users = users.collect::<Vec<_>>().join(",");
    let (_, seed) = seed_file(&folder, &format!("{{{users}}}"));
    let server = TestServer::start_with(|settings| {
        settings.seed = seed;
        adjust(settings);
    })
    .await;
    (server, folder)
}

/// Starts a server with short timeouts, which serves [`MAX_CONNECTIONS`] connections.
async fn start() -> (TestServer, TempDir) {
    start_with(|settings| {
        settings.max_connections = u32::try_from(MAX_CONNECTIONS).expect("few");
        settings.max_connections_per_address = Some(settings.max_connections);
        settings.header_timeout = SHORT;
        settings.stall_timeout = SHORT;
        settings.idle_timeout = SHORT;
        settings.ping_interval = SHORT;
        settings.ping_timeout = SHORT;
    })
    .await
}

/// Opens a connection with a small receive buffer, so that the server's responses soon wait for this client.
async fn connect(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket
        .connect(server.address())
        .await
        .expect("the server listens")
}

/// Returns the start of a gRPC-Web request over HTTP/1.1.
fn web_head(method: &str, length: usize, headers: &str) -> Vec<u8> {
    format!("POST {method} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: {length}\r\n{headers}\r\n").into_bytes()
}

fn of_type() -> Vec<u8> {
    frame(&UserTypeRequest {
        user_type: UserType::Normal.into(),
    })
}

/// Sends a call that has a long response over HTTP/1.1, and does not read.
async fn unread_web_call(server: &TestServer, headers: &str) -> TcpStream {
    let mut stream = connect(server).await;
    let request = of_type();
    let head = web_head(BY_TYPE, request.len(), headers);
    stream
        .write_all(&[head, request].concat())
        .await
        .expect("sent");
    stream
}

/// Returns a masked binary WebSocket frame. The mask is zero, so the payload stays as it is.
fn socket_frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short message");
    assert!(length < 126);
    [&[0x82, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Opens a WebSocket, sends the headers and the messages of a call, and does not read.
async fn unread_socket_call(
    server: &TestServer,
    method: &str,
    headers: &str,
    chunks: &[&[u8]],
) -> TcpStream {
    let mut stream = connect(server).await;
    let handshake = format!(
        "GET {method} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: grpc-websockets\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut bytes = handshake.into_bytes();
    bytes.extend(socket_frame(
        format!("x-grpc-web: 1\r\n{headers}").as_bytes(),
    ));
    for chunk in chunks {
        bytes.extend(socket_frame(chunk));
    }
    stream.write_all(&bytes).await.expect("sent");
    stream
}

/// Sends a call over HTTP/2 with a stream window of zero bytes. Returns once the connection has ended.
async fn call_without_window(server: &TestServer, content_type: &str, timeout: &str) {
    let io = TokioIo::new(connect(server).await);
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(0)
        .handshake(io)
        .await
        .expect("HTTP/2");
    let request = http::Request::post(format!("http://{}{BY_TYPE}", server.address()))
        .header("content-type", content_type)
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(Full::new(Bytes::from(of_type())))
        .expect("a request");
    let call = async {
        let response = sender.send_request(request).await.expect("headers");
        // The window admits no byte, so the stream can only end with a reset.
        let end = response.into_body().collect().await;
        assert!(end.is_err(), "the call ended without an error");
        // Keeps the connection open: only the server closes it.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = connection => {}
        () = call => {}
    }
}

/// Waits until the server has ended this number of `GetUsersByType` over the transport with the status.
async fn wait_for_ends(server: &TestServer, transport: &str, status: &str, count: usize) {
    let words = [
        "grpc_server_handled_total".to_owned(),
        r#"grpc_method="GetUsersByType""#.to_owned(),
        format!(r#"transport="{transport}""#),
        format!(r#"grpc_code="{status}""#),
        format!("}} {count}"),
    ];
    let ended = async {
        loop {
            let metrics = get(server.address(), "/metrics", &[]).await;
            let metrics = String::from_utf8(metrics.into_body().to_vec()).expect("text");
            let mut lines = metrics.lines();
            if lines.any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = timeout(PATIENCE, ended).await.is_ok();
    assert!(
        in_time,
        "no {count} calls over {transport} ended with {status}"
    );
}

#[tokio::test]
async fn a_deadline_ends_a_call_whose_client_does_not_read() {
    // The other timeouts are longer than the patience of this test.
    let (server, _folder) = start_with(|_| ()).await;
    let ended = |transport, count| wait_for_ends(&server, transport, "DeadlineExceeded", count);

    let _web = unread_web_call(&server, "grpc-timeout: 300m\r\n").await;
    ended("grpc-web", 1).await;

    let chunk = [&[0][..], &of_type()].concat();
    let deadline = "grpc-timeout: 300m\r\n";
    let _socket = unread_socket_call(&server, BY_TYPE, deadline, &[&chunk, &[1]]).await;
    ended("websocket", 1).await;

    for (content_type, transport, count) in [
        ("application/grpc", "grpc", 1),
        ("application/grpc-web+proto", "grpc-web", 2),
    ] {
        tokio::select! {
            () = call_without_window(&server, content_type, "300m") => {
                panic!("the connection ended with the call")
            }
            () = ended(transport, count) => {}
        }
    }
}

/// The ways to hold a connection.
#[derive(Debug, Clone, Copy)]
enum Hold {
    /// A request, and then nothing.
    KeptAlive,
    /// An HTTP/2 connection without a call, whose client answers pings.
    Pings,
    /// A request message over HTTP/1.1, a byte at a time.
    Trickle,
    /// A request message over HTTP/2, a byte at a time.
    TrickleHttp2,
    /// A unary call over HTTP/2 without its message.
    NoMessage,
    /// A long response over HTTP/1.1, unread.
    Unread,
    /// A long response over HTTP/2, for which the client grants no window.
    NoWindow,
}

/// Holds a connection. Returns once the server has closed it.
async fn hold(server: &TestServer, hold: Hold) {
    match hold {
        Hold::KeptAlive => {
            let mut stream = connect(server).await;
            let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(request).await.expect("sent");
            // A reset is as good as an end.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Hold::Pings => {
            let io = TokioIo::new(connect(server).await);
            let connection = http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), io).await;
            let (_sender, connection) = connection.expect("HTTP/2");
            let _ = connection.await;
        }
        Hold::Trickle => {
            let mut stream = connect(server).await;
            let mut bytes = web_head(COUNT, 1005, "");
            bytes.extend(b"\0\0\0\x03\xe8");
            stream.write_all(&bytes).await.expect("sent");
            while stream.write_all(&[0]).await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        }
        Hold::TrickleHttp2 | Hold::NoMessage => {
            let io = TokioIo::new(connect(server).await);
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io)
                .await
                .expect("HTTP/2");
            let (method, message) = match hold {
                Hold::NoMessage => ("/UserManager/GetUser", 0),
                _ => (COUNT, 1000),
            };
            let head = Bytes::from_static(b"\0\0\0\x03\xe8");
            let bytes = futures_util::stream::repeat(Bytes::from_static(&[0])).then(async |byte| {
                sleep(Duration::from_millis(20)).await;
                byte
            });
            let body = futures_util::stream::iter((message > 0).then_some(head))
                .chain(bytes.take(message))
                .chain(futures_util::stream::pending())
                .map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
            let request = http::Request::post(format!("http://{}{method}", server.address()))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(StreamBody::new(Box::pin(body)))
                .expect("a request");
            let call = async {
                let _ = sender.send_request(request).await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = connection => {}
                () = call => {}
            }
        }
        Hold::Unread => {
            let mut stream = unread_web_call(server, "").await;
            // A byte beyond the request fails once the server has closed the connection.
            while stream.write_all(b"G").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        }
        Hold::NoWindow => call_without_window(server, "application/grpc", "1H").await,
    }
}

#[tokio::test]
async fn every_kind_of_hold_ends_and_frees_its_connection() {
    let (server, _folder) = start().await;
    let server = std::sync::Arc::new(server);
    for kind in [
        Hold::KeptAlive,
        Hold::Pings,
        Hold::Trickle,
        Hold::TrickleHttp2,
        Hold::NoMessage,
        Hold::Unread,
        Hold::NoWindow,
    ] {
        let mut holds = JoinSet::new();
        for _ in 0..MAX_CONNECTIONS {
            let server = server.clone();
            holds.spawn(async move { hold(&server, kind).await });
        }
        let mut ended = 0;
        let all = async {
            while let Some(end) = holds.join_next().await {
                end.expect("no panic");
                ended += 1;
            }
        };
        let in_time = timeout(PATIENCE, all).await.is_ok();
        assert!(in_time, "{ended} of {MAX_CONNECTIONS} ended: {kind:?}");
        let healthy = timeout(PATIENCE, get(server.address(), "/healthz", &[])).await;
        assert_eq!(healthy.expect("a free place").status(), 200, "{kind:?}");
    }
}

#[tokio::test]
async fn a_socket_whose_client_does_not_read_is_closed() {
    let (server, _folder) = start().await;
    let chunk = [&[0][..], &of_type()].concat();
    let _socket = unread_socket_call(&server, BY_TYPE, "", &[&chunk, &[1]]).await;
    wait_for_ends(&server, "websocket", "Cancelled", 1).await;
}

#[tokio::test]
async fn a_socket_that_answers_no_ping_is_closed() {
    let (server, _folder) = start().await;
    let mut silent = unread_socket_call(&server, "/UserManager/GetUsersByIds", "", &[]).await;
    let mut answering = Call::start(server.address(), "/UserManager/GetUsersByIds", &[]).await;
    answering.headers().await;
    // The silent client reads, but answers no ping.
    let mut received = Vec::new();
    let closed = async {
        let read = timeout(PATIENCE, silent.read_to_end(&mut received)).await;
        read.expect("closed in time")
    };
    tokio::select! {
        // A reset is as good as an end.
        _ = closed => {}
        frame = answering.frame() => panic!("{frame:?}"),
    }
    answering.send(&UserRequest { id: 1 }).await;
    assert_eq!(
        answering
            .message::<UserResponse>()
            .await
            .user
            .expect("a user")
            .id,
        1
    );
}

#[tokio::test]
async fn a_quiet_stream_is_not_cut() {
    let (server, _folder) = start().await;
    let mut users = server.users().await;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let responses = users.get_users_by_ids(requests).await.expect("OK");
    let mut responses = responses.into_inner();
    for id in 1..3 {
        // Nothing may happen for several timeouts.
        let early = timeout(4 * SHORT, responses.message()).await;
        assert!(early.is_err(), "{early:?}");
        sender.send(UserRequest { id }).await.expect("open");
        let response = responses.message().await.expect("OK").expect("a message");
        assert_eq!(response.user.expect("a user").id, id);
    }
}

#[tokio::test]
async fn one_address_cannot_use_every_connection() {
    let server = TestServer::start_with(|settings| {
        settings.max_connections = 10;
        settings.max_connections_per_address = Some(2);
    })
    .await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let is_served = async |stream: &mut TcpStream| {
        // A closed connection may fail the write or the read, or end.
        let _ = stream.write_all(request).await;
        let read = timeout(PATIENCE, stream.read(&mut [0; 512])).await;
        read.expect("an answer or an end")
            .is_ok_and(|bytes| bytes > 0)
    };
    let mut first = connect(&server).await;
    let mut second = connect(&server).await;
    assert!(is_served(&mut first).await && is_served(&mut second).await);
    assert!(
        !is_served(&mut connect(&server).await).await,
        "a third connection"
    );
    let other = TcpSocket::new_v4().expect("a socket");
    other
        .bind("127.0.0.2:0".parse().expect("an address"))
        .expect("Linux has the whole loopback network");
    let mut other = other.connect(server.address()).await.expect("connected");
    assert!(is_served(&mut other).await, "another address");
    drop(first);
    let freed = async { while !is_served(&mut connect(&server).await).await {} };
    timeout(PATIENCE, freed)
        .await
        .expect("a free place in time");
}
