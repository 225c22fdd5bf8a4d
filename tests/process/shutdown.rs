//! How the process ends when it is told to.

use std::time::{Duration, Instant};

use soundstage_proto::position::PositionSubRequest;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_tests::binary::Serve;
use soundstage_tests::{PATIENCE, channel};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

async fn ends_by_itself_on(signal: &str) {
    let bound = Duration::from_secs(4);
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
    let mut half = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    half.write_all(b"PRI * HTTP/2.0\r\n").await.expect("sent");

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
    let status = tokio::task::block_in_place(|| server.wait(bound));
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < bound, "took {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sigterm_streams_end_with_unavailable_and_the_process_is_gone_within_its_bound() {
    ends_by_itself_on("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_does_the_same() {
    ends_by_itself_on("INT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_no_longer_answers_does_not_hold_the_end_past_its_bound() {
    let folder = TempDir::new().expect("a folder");
    let mut server = Serve::start(&folder.path().join("users.db"), &["--drain", "2s"]);
    // A whole HTTP/2 handshake by a client that then neither reads nor answers pings.
    let mut mute = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("the server listens");
    mute.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("sent");
    mute.readable().await.expect("the server's settings");
    server.signal("TERM");
    let start = Instant::now();
    let status = tokio::task::block_in_place(|| server.wait(PATIENCE));
    assert!(status.success(), "{status}");
    assert!(
        start.elapsed() < Duration::from_millis(2300),
        "took {:?}",
        start.elapsed()
    );
}
