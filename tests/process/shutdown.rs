//! Shutdown of the process by a signal.

use std::time::{Duration, Instant};

use soundstage_proto::position::PositionSubRequest;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_tests::binary::Serve;
use soundstage_tests::{PATIENCE, channel};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

/// Sends a signal to a server with open streams, a silent connection and an unfinished handshake. Asserts that the
/// streams end with `UNAVAILABLE` and the process ends within its drain time.
async fn assert_drains_on(signal: &str) {
    let drain = Duration::from_secs(4);
    let folder = TempDir::new().expect("a folder");
    let mut server = Serve::start(&folder.path().join("users.db"), &["--drain", "4s"]);
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stage = PositionServiceClient::new(channel(server.address()).await);
        let mut positions = stage
            .position_sub(PositionSubRequest::default())
            .await
            .expect("OK")
            .into_inner();
        positions.message().await.expect("OK").expect("a position");
        streams.push(positions);
    }
    let _silent = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    let mut unfinished = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    unfinished
        .write_all(b"PRI * HTTP/2.0\r\n")
        .await
        .expect("sent");

    server.signal(signal);
    let start = Instant::now();
    for mut positions in streams {
        let end = async {
            loop {
                match positions.message().await {
                    Ok(position) => {
                        assert!(position.is_some(), "the stream ended without a status");
                    }
                    Err(status) => return status.code(),
                }
            }
        };
        let code = tokio::time::timeout(PATIENCE, end)
            .await
            .expect("ended in time");
        assert_eq!(code, Code::Unavailable);
    }
    let status = tokio::task::block_in_place(|| server.wait(drain));
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < drain, "took {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_streams_with_unavailable_and_the_process_within_its_drain_time() {
    assert_drains_on("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_has_the_same_effect() {
    assert_drains_on("INT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unresponsive_client_does_not_delay_the_end_past_the_drain_time() {
    let folder = TempDir::new().expect("a folder");
    let mut server = Serve::start(&folder.path().join("users.db"), &["--drain", "2s"]);
    // This client completes the HTTP/2 handshake, then neither reads nor answers pings.
    let mut unresponsive = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    unresponsive
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("sent");
    unresponsive
        .readable()
        .await
        .expect("the server's settings");
    server.signal("TERM");
    let start = Instant::now();
    let status = tokio::task::block_in_place(|| server.wait(PATIENCE));
    assert!(status.success(), "{status}");
    // The drain of 2 s, and the end of the process on a busy machine.
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "took {:?}",
        start.elapsed()
    );
}
