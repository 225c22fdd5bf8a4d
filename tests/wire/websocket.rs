//! gRPC over WebSocket: every kind of call, how a call ends, and which handshakes and messages are refused.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use soundstage_proto::UserType;
use soundstage_proto::position::{Msg, Position};
use soundstage_proto::user::{User, UserCntResponse, UserRequest, UserResponse, UserTypeRequest};
use soundstage_server::Settings;
use soundstage_tests::raw::{Http, grpc_web_request, send};
use soundstage_tests::websocket::{Call, handshake};
use soundstage_tests::{PATIENCE, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

const GET_USER: &str = "/UserManager/GetUser";
const BY_IDS: &str = "/UserManager/GetUsersByIds";
const COUNT: &str = "/UserManager/CountAlreadyUsers";

fn id(response: &UserResponse) -> u32 {
    response.user.as_ref().expect("a user").id
}

#[tokio::test]
async fn unary_and_server_streaming_calls_work() {
    let server = TestServer::start().await;
    let mut call = Call::start(server.address(), GET_USER, &[]).await;
    call.send(&UserRequest { id: 3 }).await;
    call.half_close().await;
    assert!(
        call.headers()
            .await
            .contains("content-type:application/grpc-web+proto")
    );
    assert_eq!(id(&call.message().await), 3);
    assert_eq!(call.rest().await.status(), 0);

    let mut call = Call::start(server.address(), "/UserManager/GetUsersByType", &[]).await;
    call.send(&UserTypeRequest {
        user_type: UserType::Normal.into(),
    })
    .await;
    call.half_close().await;
    call.headers().await;
    let response = call.rest().await;
    assert_eq!(response.status(), 0);
    assert_eq!(
        response
            .decode::<UserResponse>()
            .iter()
            .map(id)
            .collect::<Vec<_>>(),
        [3, 5, 6]
    );
}

#[tokio::test]
async fn ten_thousand_requests_are_counted() {
    let server = TestServer::start().await;
    let mut call = Call::start(server.address(), COUNT, &[]).await;
    for id in 1..=10_000 {
        call.send(&UserRequest { id }).await;
    }
    call.half_close().await;
    call.headers().await;
    assert_eq!(call.message::<UserCntResponse>().await.user_cnt, 6);
    assert_eq!(call.rest().await.status(), 0);
}

#[tokio::test]
async fn each_response_arrives_before_the_next_request_is_sent() {
    let server = TestServer::start().await;
    let mut call = Call::start(server.address(), BY_IDS, &[]).await;
    call.headers().await;
    for round in 0..1000 {
        let expected = round % 6 + 1;
        call.send(&UserRequest { id: expected }).await;
        assert_eq!(id(&call.message().await), expected);
    }
    call.half_close().await;
    assert_eq!(call.rest().await.status(), 0);
}

#[tokio::test]
async fn a_refused_call_has_its_status_in_a_trailer_frame() {
    let server = TestServer::start().await;
    let mut call = Call::start(server.address(), "/UserManager/AddUser", &[]).await;
    call.send(&User::default()).await;
    call.half_close().await;
    assert!(!call.headers().await.contains("grpc-status"));
    let response = call.rest().await;
    assert_eq!(response.status(), 3);
    assert!(
        response
            .trailers
            .expect("trailers")
            .contains("grpc-status-details-bin:")
    );
}

#[tokio::test]
async fn an_error_after_the_first_message_is_in_the_trailers() {
    let server = TestServer::start().await;
    let mut call = Call::start(server.address(), BY_IDS, &[]).await;
    call.headers().await;
    call.send(&UserRequest { id: 1 }).await;
    assert_eq!(id(&call.message().await), 1);
    call.socket
        .send(Message::binary(b"\0\0\0\0\0\x02\xff\xff".to_vec()))
        .await
        .expect("sent");
    assert_ne!(call.rest().await.status(), 0);
}

#[tokio::test]
async fn a_deadline_covers_the_whole_call() {
    let server = TestServer::start().await;
    let start = Instant::now();
    let mut call = Call::start(
        server.address(),
        "/posXYZ.PositionService/PositionSub",
        &[("grpc-timeout", "100m")],
    )
    .await;
    call.send(&Msg::default()).await;
    call.half_close().await;
    call.headers().await;
    let response = call.rest().await;
    assert_eq!(response.status(), 4);
    assert!(!response.decode::<Position>().is_empty());
    // 1 s after the deadline the server would close the socket.
    let elapsed = start.elapsed();
    assert!(
        elapsed >= Duration::from_millis(100) && elapsed < Duration::from_secs(1),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn a_message_over_the_limit_is_resource_exhausted() {
    let server = TestServer::start().await;
    let mut call = Call::start(server.address(), "/UserManager/AddUser", &[]).await;
    call.send(&User {
        nickname: "x".repeat(70_000),
        ..User::default()
    })
    .await;
    call.half_close().await;
    call.headers().await;
    assert_eq!(call.rest().await.status(), 8);
}

/// Sends messages and returns the code with which the server closes the socket.
async fn close_code(server: &TestServer, messages: Vec<Message>) -> CloseCode {
    let mut socket = handshake(server.address(), BY_IDS, &[])
        .await
        .expect("a socket");
    for message in messages {
        socket.send(message).await.expect("sent");
    }
    let closed = async {
        loop {
            let message = socket
                .next()
                .await
                .expect("a close")
                .expect("an unbroken socket");
            if let Message::Close(close) = message {
                return close.expect("a code").code;
            }
        }
    };
    tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("closed in time")
}

#[tokio::test]
async fn protocol_violations_close_the_socket_with_their_code() {
    let server = TestServer::start().await;
    let headers = || Message::binary(b"x-grpc-web: 1\r\n".to_vec());
    let binary = |bytes: &[u8]| Message::binary(bytes.to_vec());
    assert_eq!(
        close_code(&server, vec![Message::text("hello")]).await,
        CloseCode::Unsupported
    );
    assert_eq!(
        close_code(&server, vec![headers(), Message::text("hello")]).await,
        CloseCode::Unsupported
    );
    assert_eq!(
        close_code(&server, vec![binary(b"no header at all")]).await,
        CloseCode::Protocol
    );
    assert_eq!(
        close_code(&server, vec![headers(), binary(b"\x07")]).await,
        CloseCode::Protocol
    );
    assert_eq!(
        close_code(&server, vec![headers(), binary(b"")]).await,
        CloseCode::Protocol
    );
    server
        .users()
        .await
        .get_user(UserRequest { id: 1 })
        .await
        .expect("the server still serves");
}

#[tokio::test]
async fn a_socket_message_over_the_limit_closes_the_socket() {
    const LIMIT: usize = 256 * 1024;
    let server = TestServer::start().await;
    let messages = |size: usize| {
        // The start of a gRPC message that is too large for the service.
        let mut message = b"\0\0\xff\xff\xff\xff".to_vec();
        message.resize(size, 0);
        let headers = b"x-grpc-web: 1\r\n".to_vec();
        vec![Message::binary(headers), Message::binary(message)]
    };
    assert_eq!(
        close_code(&server, messages(LIMIT)).await,
        CloseCode::Normal,
        "the service refuses the message"
    );
    assert_eq!(
        close_code(&server, messages(LIMIT + 1)).await,
        CloseCode::Size
    );
}

#[tokio::test]
async fn a_socket_without_headers_is_closed_in_time() {
    let timeout = Duration::from_millis(300);
    let server = TestServer::start_with(|settings| settings.header_timeout = timeout).await;
    assert_eq!(close_code(&server, vec![]).await, CloseCode::Policy);
}

#[tokio::test]
async fn a_frame_that_breaks_the_websocket_protocol_closes_the_connection() {
    let server = TestServer::start().await;
    let socket = handshake(server.address(), BY_IDS, &[])
        .await
        .expect("a socket");
    let mut stream = socket.into_inner();
    // A client must mask its frames.
    stream.write_all(b"\x82\x02\0\0").await.expect("sent");
    let mut response = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response))
        .await
        .expect("closed in time")
        .expect("read");
    assert_eq!(&response[2..4], &1002_u16.to_be_bytes(), "{response:?}");
}

/// Sends bytes over an open socket, and returns all bytes up to the end of the connection.
async fn answer_to(server: &TestServer, bytes: &[u8]) -> Vec<u8> {
    let socket = handshake(server.address(), BY_IDS, &[]).await;
    let mut stream = socket.expect("a socket").into_inner();
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("closed in time")
        .expect("read");
    answer
}

#[tokio::test]
async fn a_close_of_the_client_is_answered() {
    let server = TestServer::start().await;
    // Masked close frames: code 1000, no code, the reserved code 1005, half a code.
    let close = |payload: &[u8]| {
        let length = 0x80 | payload.len() as u8;
        [&[0x88, length, 0, 0, 0, 0], payload].concat()
    };
    assert_eq!(
        answer_to(&server, &close(b"\x03\xe8")).await,
        b"\x88\x02\x03\xe8"
    );
    assert_eq!(answer_to(&server, &close(b"")).await, b"\x88\0");
    for malformed in [&b"\x03\xed"[..], b"\x03"] {
        let answer = answer_to(&server, &close(malformed)).await;
        assert_eq!(answer[2..4], 1002_u16.to_be_bytes(), "{answer:?}");
    }
    // The close of a running call.
    let headers = b"\x82\x8f\0\0\0\0x-grpc-web: 1\r\n";
    let answer = answer_to(&server, &[headers, &close(b"\x03\xe8")[..]].concat()).await;
    assert!(answer.ends_with(b"\x88\x02\x03\xe8"), "{answer:?}");
}

#[tokio::test]
async fn text_that_is_not_utf8_closes_the_socket_with_its_code() {
    let server = TestServer::start().await;
    let answer = answer_to(&server, b"\x81\x82\0\0\0\0\xff\xff").await;
    assert_eq!(answer[2..4], 1007_u16.to_be_bytes(), "{answer:?}");
}

#[tokio::test]
async fn socket_headers_over_the_limit_close_the_socket() {
    const LIMIT: usize = 16 * 1024;
    let server = TestServer::start().await;
    // RFC 9113, section 6.5.2: each field counts 32 bytes more than its name and value.
    let headers = |size: usize| {
        let padding = "x".repeat(size - 32 - "x-long".len());
        vec![
            Message::binary(format!("x-long: {padding}\r\n").into_bytes()),
            Message::binary(vec![1]),
        ]
    };
    assert_eq!(close_code(&server, headers(LIMIT)).await, CloseCode::Normal);
    assert_eq!(
        close_code(&server, headers(LIMIT + 1)).await,
        CloseCode::Size
    );
    // More names than the header map of the library `http` can hold.
    let names = (0..30_000).map(|number| format!("{number:x}:\r\n"));
    let names = Message::binary(names.collect::<String>().into_bytes());
    assert_eq!(close_code(&server, vec![names]).await, CloseCode::Size);
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_close_is_disconnected() {
    let server = TestServer::start().await;
    let socket = handshake(server.address(), BY_IDS, &[])
        .await
        .expect("a socket");
    let mut stream = socket.into_inner();
    // A masked text frame without content. The protocol has no text messages.
    stream.write_all(b"\x81\x80\0\0\0\0").await.expect("sent");
    let start = Instant::now();
    let mut response = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response))
        .await
        .expect("closed in time")
        .expect("read");
    assert_eq!(&response[2..4], &1003_u16.to_be_bytes(), "{response:?}");
    let elapsed = start.elapsed();
    assert!(
        elapsed >= Duration::from_millis(1900) && elapsed < Duration::from_secs(3),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn a_stopping_server_ends_the_call_with_unavailable() {
    let mut server =
        TestServer::start_with(|settings| settings.drain = Duration::from_secs(5)).await;
    let mut call = Call::start(server.address(), BY_IDS, &[]).await;
    call.headers().await;
    call.send(&UserRequest { id: 1 }).await;
    assert_eq!(id(&call.message().await), 1);
    server.begin_shutdown();
    let start = Instant::now();
    assert_eq!(call.rest().await.status(), 14);
    tokio::task::spawn_blocking(move || server.stop())
        .await
        .expect("the server stops");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

/// Returns the HTTP status of a handshake: 101 if the server accepts it.
async fn handshake_status(server: &TestServer, headers: &[(&'static str, &str)]) -> u16 {
    match handshake(server.address(), GET_USER, headers).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn pages_on_other_sites_get_no_socket_unless_allowed() {
    let server = TestServer::start_with(|settings| {
        settings.allowed_origins = vec!["https://friend.example".into()];
        settings.allowed_hosts = vec!["stage.example".into()];
    })
    .await;
    let own = format!("http://{}", server.address());
    assert_eq!(handshake_status(&server, &[]).await, 101);
    assert_eq!(handshake_status(&server, &[("origin", &own)]).await, 101);
    assert_eq!(
        handshake_status(&server, &[("origin", "https://friend.example")]).await,
        101
    );
    assert_eq!(
        handshake_status(
            &server,
            &[
                ("origin", "http://stage.example"),
                ("host", "stage.example")
            ]
        )
        .await,
        101
    );
    assert_eq!(
        handshake_status(&server, &[("origin", "http://evil.example")]).await,
        403
    );
    assert_eq!(handshake_status(&server, &[("origin", "null")]).await, 403);
    assert_eq!(
        handshake_status(
            &server,
            &[("origin", "http://evil.example"), ("host", "evil.example")]
        )
        .await,
        421
    );
}

#[tokio::test]
async fn handshakes_with_another_protocol_or_version_are_refused() {
    let server = TestServer::start().await;
    assert_eq!(
        handshake_status(&server, &[("sec-websocket-protocol", "chat")]).await,
        400
    );
    assert_eq!(
        handshake_status(&server, &[("sec-websocket-version", "8")]).await,
        426
    );
    // RFC 6455, section 4.2.1: the key is 16 bytes in base64.
    for key in [
        "",
        "short",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAA!A==",
    ] {
        let status = handshake_status(&server, &[("sec-websocket-key", key)]).await;
        assert_eq!(status, 400, "{key:?}");
    }
}

#[tokio::test]
async fn sockets_over_the_limit_are_refused_until_one_closes() {
    let limits: [fn(&mut Settings); 2] = [
        |settings| settings.max_sockets = 2,
        |settings| settings.max_sockets_per_address = 2,
    ];
    for limit in limits {
        let server = TestServer::start_with(limit).await;
        let first = handshake(server.address(), BY_IDS, &[])
            .await
            .expect("a socket");
        let _second = handshake(server.address(), BY_IDS, &[])
            .await
            .expect("a socket");
        assert_eq!(handshake_status(&server, &[]).await, 503);
        drop(first);
        let freed = async {
            while handshake_status(&server, &[]).await == 503 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, freed)
            .await
            .expect("a free permit in time");
    }
}

#[tokio::test]
async fn cors_headers_name_allowed_origins_only() {
    let server = TestServer::start_with(|settings| {
        settings.allowed_origins = vec!["https://friend.example".into()];
    })
    .await;
    let preflight = async |origin: &str| {
        let request = http::Request::options(GET_USER)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,x-grpc-web,x-custom",
            )
            .body(http_body_util::Full::default())
            .expect("a request");
        send(server.address(), Http::One, request)
            .await
            .into_parts()
            .0
            .headers
    };
    let allowed = preflight("https://friend.example").await;
    assert_eq!(
        allowed["access-control-allow-origin"],
        "https://friend.example"
    );
    assert_eq!(
        allowed["access-control-allow-headers"],
        "content-type,x-grpc-web,x-custom"
    );
    assert!(
        !preflight("http://evil.example")
            .await
            .contains_key("access-control-allow-origin")
    );

    let headers = [("origin", "https://friend.example")];
    let request = grpc_web_request(
        GET_USER,
        "application/grpc-web+proto",
        &headers,
        &[UserRequest { id: 1 }],
    );
    let response = send(server.address(), Http::One, request).await;
    assert_eq!(
        response.headers()["access-control-allow-origin"],
        "https://friend.example"
    );
    let exposed = response.headers()["access-control-expose-headers"]
        .to_str()
        .expect("text");
    assert!(
        exposed.contains("grpc-status") && exposed.contains("grpc-message"),
        "{exposed}"
    );
}

#[tokio::test]
async fn grpc_web_calls_from_pages_on_other_sites_are_refused() {
    let server = TestServer::start().await;
    let status = async |origin: &str| {
        let headers = [("origin", origin)];
        let request = grpc_web_request(
            GET_USER,
            "application/grpc-web+proto",
            &headers,
            &[UserRequest { id: 1 }],
        );
        send(server.address(), Http::One, request)
            .await
            .status()
            .as_u16()
    };
    assert_eq!(status(&format!("http://{}", server.address())).await, 200);
    assert_eq!(status("http://evil.example").await, 403);
}
