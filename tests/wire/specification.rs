//! What the specifications of gRPC and HTTP prescribe: methods, content types, number of messages, compression, hosts.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use prost::Message as _;
use soundstage_proto::descriptor::METHODS;
use soundstage_proto::user::{
    ListUsersRequest, ListUsersResponse, User, UserRequest, UserTypeRequest,
};
use soundstage_tests::raw::{GrpcWebResponse, Http, frame, get, grpc_web_request, send};
use soundstage_tests::{PATIENCE, TestServer, seed_file};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding;

const GET_USER: &str = "/UserManager/GetUser";
const FRIEND: &str = "https://friend.example";

/// Returns a native gRPC request with these encoded messages.
fn grpc_request(path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(body))
        .expect("a request")
}

/// Returns the gRPC status and message of a response, from its trailers or its headers.
async fn status_of(response: Response<Incoming>) -> (String, String) {
    assert_eq!(response.status(), 200);
    let mut fields = response.headers().clone();
    let body = response.into_body().collect().await.expect("a whole body");
    fields.extend(body.trailers().cloned().unwrap_or_default());
    let field = |name: &str| {
        let value = fields.get(name).map(|value| value.to_str().expect("text"));
        value.unwrap_or_default().to_owned()
    };
    (
        field("grpc-status"),
        field("grpc-message").replace("%20", " "),
    )
}

#[tokio::test]
async fn every_method_of_the_contract_has_a_handler() {
    let server = TestServer::start().await;
    for method in METHODS {
        let empty_message = vec![0; 5];
        let request = grpc_request(method.path, empty_message);
        let response = send(server.address(), Http::Two, request).await;
        // A stream may have no end, and so no trailers.
        let status = response.headers().get("grpc-status");
        assert!(
            status.is_none_or(|status| status != "12"),
            "{}: UNIMPLEMENTED",
            method.path
        );
    }
}

#[tokio::test]
async fn a_call_with_one_request_must_have_exactly_one_message() {
    let server = TestServer::start().await;
    let one = frame(&UserRequest { id: 1 });
    let of_type = frame(&UserTypeRequest { user_type: 1 });
    for (path, message) in [
        (GET_USER, &one),
        ("/UserManager/GetUsersByType", &of_type),
        ("/grpc.health.v1.Health/Check", &Vec::from([0; 5])),
    ] {
        for body in [Vec::new(), [message.as_slice(), message].concat()] {
            let count = body.len() / message.len();
            let response = send(
                server.address(),
                Http::Two,
                grpc_request(path, body.clone()),
            )
            .await;
            let (status, text) = status_of(response).await;
            assert_eq!(status, "12", "{count} messages to {path}: {text}");
            assert!(text.contains("one request message"), "{text}");
            let web = Request::post(path)
                .header("content-type", "application/grpc-web+proto")
                .body(Full::from(body))
                .expect("a request");
            let response = send(server.address(), Http::One, web).await;
            assert_eq!(
                GrpcWebResponse::read(response).await.status(),
                12,
                "{count} messages to {path}"
            );
        }
    }
    let response = send(server.address(), Http::Two, grpc_request(GET_USER, one)).await;
    assert_eq!(status_of(response).await.0, "0");
}

#[tokio::test]
async fn only_post_runs_a_call() {
    let server = TestServer::start().await;
    let message = frame(&UserRequest { id: 1 });
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for (http, content_type) in [
            (Http::Two, Some("application/grpc")),
            (Http::Two, Some("application/grpc-web")),
            (Http::One, Some("application/grpc-web")),
            (Http::One, None),
            (Http::Two, None),
        ] {
            let mut request = Request::builder().method(&method).uri(GET_USER);
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let request = request
                .body(Full::from(message.clone()))
                .expect("a request");
            let response = send(server.address(), http, request).await;
            assert_eq!(
                response.status(),
                405,
                "{method} {content_type:?} over {http:?}"
            );
            assert_eq!(response.headers()["allow"], "POST");
        }
    }
}

#[tokio::test]
async fn a_content_type_that_is_not_grpc_is_refused_in_a_way_that_allowed_origins_can_read() {
    let server =
        TestServer::start_with(|settings| settings.allowed_origins = vec![FRIEND.into()]).await;
    for content_type in [
        "application/json",
        "text/plain",
        "application/grpc-web+json",
        "application/grpc+json",
    ] {
        let request = grpc_web_request(
            GET_USER,
            content_type,
            &[("origin", FRIEND)],
            &[UserRequest { id: 1 }],
        );
        let response = send(server.address(), Http::One, request).await;
        assert_eq!(response.status(), 415, "{content_type}");
        assert_eq!(response.headers()["access-control-allow-origin"], FRIEND);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    let without = Request::post(GET_USER)
        .body(Full::<Bytes>::default())
        .expect("a request");
    assert_eq!(
        send(server.address(), Http::One, without).await.status(),
        415
    );
}

#[tokio::test]
async fn an_unknown_method_has_a_message() {
    let server = TestServer::start().await;
    for path in [
        "/UserManager/Nothing",
        "/posXYZ.PositionService/Nothing",
        "/posXYZ.PositinService/Nothing",
        "/grpc.health.v1.Health/Nothing",
        "/no.Service/Nothing",
    ] {
        let response = send(server.address(), Http::Two, grpc_request(path, vec![0; 5])).await;
        let (status, text) = status_of(response).await;
        assert_eq!(status, "12", "{path}");
        assert!(text.contains("this server has no"), "{path}: {text:?}");
    }
}

#[tokio::test]
async fn a_malformed_timeout_is_explained() {
    let server = TestServer::start().await;
    for (timeout, reason) in [
        ("1500.5m", "whole number"),
        ("123456789m", "at most 8 digits"),
        ("10", "unit"),
        ("S", "whole number"),
    ] {
        let mut request = grpc_request(GET_USER, frame(&UserRequest { id: 1 }));
        request
            .headers_mut()
            .insert("grpc-timeout", timeout.parse().expect("a header"));
        let (status, text) = status_of(send(server.address(), Http::Two, request).await).await;
        assert_eq!(status, "3", "{timeout}");
        assert!(text.contains(reason), "{timeout}: {text:?}");
    }
}

#[tokio::test]
async fn a_compressed_request_is_accepted_and_its_limit_counts_the_inflated_bytes() {
    let server = TestServer::start().await;
    let mut users = server
        .users()
        .await
        .send_compressed(CompressionEncoding::Gzip);
    let got = users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("OK")
        .into_inner();
    assert_eq!(got.user.expect("a user").id, 1);
    let bomb = |size| User {
        nickname: "x".repeat(size),
        ..User::default()
    };
    let read = users.add_user(bomb(60 * 1024)).await.expect_err("invalid");
    assert_eq!(read.code(), Code::InvalidArgument);
    // 16 MiB deflate to about 16 KiB, which is less than the limit of a message.
    let unread = users
        .add_user(bomb(16 * 1024 * 1024))
        .await
        .expect_err("too large");
    assert_eq!(unread.code(), Code::ResourceExhausted, "{unread:?}");
    users
        .get_user(UserRequest { id: 1 })
        .await
        .expect("the connection is still open");
}

#[tokio::test]
async fn only_large_responses_are_compressed_and_only_for_clients_that_accept_gzip() {
    let folder = TempDir::new().expect("a folder");
    let users = (1..=1000).map(|id| {
        format!(r#""{id}": {{"id": {id}, "nickname": "n", "mail_address": "n@example.com", "user_type": "GUEST"}}"#)
    });
    let (_, seed) = seed_file(
        &folder,
        &format!("{{{}}}", users.collect::<Vec<_>>().join(",")),
    );
    let server = TestServer::start_with(|settings| settings.seed = seed).await;
    let list = |page_size| {
        frame(&ListUsersRequest {
            page_size,
            ..ListUsersRequest::default()
        })
    };
    let body_of = async |path: &str, message, accepted: &str| {
        let mut request = grpc_request(path, message);
        request
            .headers_mut()
            .insert("grpc-accept-encoding", accepted.parse().expect("a header"));
        let response = send(server.address(), Http::Two, request).await;
        response
            .into_body()
            .collect()
            .await
            .expect("a whole body")
            .to_bytes()
    };
    let plain = body_of("/UserManager/ListUsers", list(1000), "identity").await;
    let large = body_of("/UserManager/ListUsers", list(1000), "identity,gzip").await;
    assert_eq!((plain[0], large[0]), (0, 1));
    assert!(
        large.len() * 4 < plain.len(),
        "{} of {} bytes",
        large.len(),
        plain.len()
    );
    let small = body_of("/UserManager/ListUsers", list(10), "gzip").await;
    assert_eq!(small[0], 0);
    let user = body_of(GET_USER, frame(&UserRequest { id: 1 }), "gzip").await;
    assert_eq!(user[0], 0);

    let mut client = server
        .users()
        .await
        .accept_compressed(CompressionEncoding::Gzip);
    let request = ListUsersRequest {
        page_size: 1000,
        ..ListUsersRequest::default()
    };
    let page: ListUsersResponse = client.list_users(request).await.expect("OK").into_inner();
    assert_eq!(page.encode_to_vec(), plain[5..]);
}

#[tokio::test]
async fn metrics_are_only_for_clients_that_name_this_server() {
    let server =
        TestServer::start_with(|settings| settings.allowed_hosts = vec!["stage.example".into()])
            .await;
    for (host, status) in [
        ("127.0.0.1:1234", "200"),
        ("localhost", "200"),
        ("stage.example", "200"),
        ("evil.example", "421"),
    ] {
        let head = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(
            status_line(&server, &head).await,
            format!("HTTP/1.1 {status}"),
            "{host}"
        );
    }
}

/// Sends a request as it stands, and returns the version and status of the response.
async fn status_line(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.expect("a response");
    String::from_utf8_lossy(&line).into_owned()
}

/// RFC 9112, section 3.2.
#[tokio::test]
async fn an_http1_request_must_have_exactly_one_host() {
    let server = TestServer::start().await;
    for (head, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", "200"),
    ] {
        assert_eq!(
            status_line(&server, head).await,
            format!("HTTP/1.1 {status}"),
            "{head:?}"
        );
    }
    assert_eq!(
        status_line(&server, "GET /healthz HTTP/1.0\r\n\r\n").await,
        "HTTP/1.0 200"
    );
}

#[tokio::test]
async fn no_response_lets_a_browser_guess_its_type() {
    let server = TestServer::start().await;
    let address = server.address();
    for path in ["/healthz", "/metrics", GET_USER] {
        let response = get(address, path, &[]).await;
        assert_eq!(
            response.headers()["x-content-type-options"],
            "nosniff",
            "{path}"
        );
    }
    let evil = [("origin", "http://evil.example")];
    for headers in [&evil[..], &[]] {
        let request = grpc_web_request(
            GET_USER,
            "application/grpc-web",
            headers,
            &[UserRequest { id: 1 }],
        );
        let response = send(address, Http::One, request).await;
        assert_eq!(
            response.headers()["x-content-type-options"],
            "nosniff",
            "{headers:?}"
        );
    }
}

/// Sends a gRPC-Web call with a message over the limit, and returns the response up to its trailers or its end.
async fn send_large(stream: &mut TcpStream, size: usize) -> String {
    let user = User {
        nickname: "x".repeat(size),
        ..User::default()
    };
    let body = frame(&user);
    let head = format!(
        "POST /UserManager/AddUser HTTP/1.1\r\nhost: here\r\ncontent-type: application/grpc-web\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(&[head.as_bytes(), &body].concat())
        .await
        .expect("the whole request");
    let mut response = Vec::new();
    // A response without messages ends with an empty chunk or with its headers.
    while !response.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk))
            .await
            .expect("in time");
        match read.expect("no reset") {
            0 => break,
            count => response.extend_from_slice(&chunk[..count]),
        }
    }
    String::from_utf8(response).expect("text")
}

#[tokio::test]
async fn a_message_over_the_limit_leaves_an_http1_connection_usable() {
    let server = TestServer::start().await;
    for size in [66_000, 1_000_000, 3_000_000] {
        let mut stream = TcpStream::connect(server.address())
            .await
            .expect("the server listens");
        for _ in 0..5 {
            let response = send_large(&mut stream, size).await;
            assert!(response.contains("grpc-status: 8"), "{size}: {response:?}");
        }
    }
}

#[tokio::test]
async fn an_http1_connection_closes_after_a_request_that_is_too_long_to_discard() {
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    let body = 5 * 1024 * 1024;
    let head = format!(
        "POST /UserManager/AddUser HTTP/1.1\r\nhost: here\r\ncontent-type: application/grpc-web\r\ncontent-length: {body}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&[0xff; 1024]).await.expect("sent");
    let mut response = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response)).await;
    closed.expect("closed in time").expect("a clean end");
    let response = String::from_utf8_lossy(&response);
    assert!(response.contains("connection: close"), "{response:?}");
}
