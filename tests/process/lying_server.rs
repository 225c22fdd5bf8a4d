//! A server that lies: its responses carry escape sequences, and its lists never end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Instant;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use soundstage_proto::user::{ListUsersResponse, User, UserResponse};
use soundstage_tests::{PATIENCE, binary};
use tonic::Code;

/// Clears the screen, sets the window's title, and does the same with the one-byte form of the sequence.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}";

/// A message and a status, by the path of the method.
fn respond(path: &str) -> (Vec<u8>, HeaderMap) {
    let user = User {
        id: 1,
        nickname: ESCAPES.into(),
        mail_address: ESCAPES.into(),
        user_type: 1,
        ..User::default()
    };
    let mut status = HeaderMap::new();
    let message = match path {
        "/UserManager/GetUser" => UserResponse {
            user: Some(user),
            ..UserResponse::default()
        }
        .encode_to_vec(),
        "/UserManager/ListUsers" => ListUsersResponse {
            users: vec![user],
            next_page_token: "again".into(),
            ..ListUsersResponse::default()
        }
        .encode_to_vec(),
        _ => {
            // Percent-encoded, as gRPC sends a message: an escape sequence, and a line that looks like another message.
            let message = HeaderValue::from_static("%1B[2J%C2%9B2J%0Asoundstage: forged");
            status.insert("grpc-message", message);
            status.insert("grpc-status", (Code::Internal as i32).into());
            return (Vec::new(), status);
        }
    };
    status.insert("grpc-status", 0.into());
    (message, status)
}

/// Serves on a thread of its own, which ends with the test.
fn serve() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service_fn(call));
                tokio::spawn(connection);
            }
        });
    });
    address
}

type Body = StreamBody<tokio_stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn call(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (message, status) = respond(request.uri().path());
    let mut data = BytesMut::new();
    data.put_u8(0);
    data.put_u32(u32::try_from(message.len()).expect("small"));
    data.extend_from_slice(&message);
    let frames = vec![Ok(Frame::data(data.freeze())), Ok(Frame::trailers(status))];
    let response = Response::builder().header("content-type", "application/grpc");
    let body = StreamBody::new(tokio_stream::iter(frames));
    Ok(response.body(body).expect("a response"))
}

/// Runs a command, which must end in time, and returns its exit status, standard output and standard error.
fn run(server: SocketAddr, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut child = Command::new(binary::path())
        .args(arguments)
        .args(["--server", &format!("http://{server}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = |mut pipe: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("UTF-8");
            text
        })
    };
    let stdout = read(Box::new(stdout.expect("a pipe")));
    let stderr = read(Box::new(stderr.expect("a pipe")));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a process") {
            break status.code();
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("killed");
            break None;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let text = |thread: std::thread::JoinHandle<String>| thread.join().expect("text");
    (status, text(stdout), text(stderr))
}

/// Asserts that a terminal would interpret nothing but line breaks.
fn assert_printable(text: &str) {
    let raw = text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(raw, None, "{text:?}");
}

#[test]
fn escape_sequences_of_a_server_are_printed_as_text() {
    let server = serve();
    for output in ["table", "json"] {
        let (status, stdout, stderr) = run(server, &["user", "get", "1", "--output", output]);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        assert_printable(&stdout);
        assert!(stdout.contains("\\u001b[2J"), "{stdout:?}");
        assert!(stdout.contains("\\u009b2J\\u202e"), "{stdout:?}");
        if output == "json" {
            let user: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
            assert_eq!(user["nickname"], ESCAPES);
        }
    }
    let (status, stdout, stderr) = run(server, &["user", "delete", "1"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert_printable(&stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("\\u001b[2J\\u009b2J"), "{stderr:?}");
}

#[test]
fn a_repeated_page_token_ends_a_list_with_an_error() {
    let (status, stdout, stderr) = run(serve(), &["user", "list"]);
    assert_eq!(status, Some(1), "{} bytes", stdout.len());
    assert!(stderr.contains("page token"), "{stderr}");
    assert_eq!(stdout.lines().count(), 3, "a heading and two pages");
}
