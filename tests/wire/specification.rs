//! What the specifications of gRPC and HTTP prescribe: methods, content types, number of messages, compression, hosts.

use soundstage_proto::user::User;
use soundstage_tests::raw::frame;
use soundstage_tests::{PATIENCE, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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
