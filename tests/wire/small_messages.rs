//! Streams of small messages over HTTP/2. h2 has a budget for small DATA frames that wait to be read, and closes a
//! connection that exceeds it, with all its calls.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use soundstage_proto::UserType;
use soundstage_proto::user::{
    ImportOptions, ImportUsersRequest, UserCntResponse, UserRequest, UserTypeRequest,
};
use soundstage_tests::raw::frame;
use soundstage_tests::{PATIENCE, TestServer, seed_file};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Many more than fit the stream window (64 KiB) as messages of 7 bytes.
const MESSAGES: usize = 20_000;

type RequestBody = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// An HTTP/2 connection that sends each chunk of a request in a DATA frame of its own.
struct Connection {
    sender: SendRequest<RequestBody>,
    task: JoinHandle<hyper::Result<()>>,
    address: String,
}

impl Connection {
    /// Opens a connection that accepts `window` bytes of each response ahead of the reader.
    async fn open(server: &TestServer, window: u32) -> Self {
        let stream = TcpStream::connect(server.address()).await;
        let io = TokioIo::new(stream.expect("the server listens"));
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(io)
            .await
            .expect("HTTP/2");
        Self {
            sender,
            task: tokio::spawn(connection),
            address: server.address().to_string(),
        }
    }

    /// Calls a method with a stream of encoded messages.
    async fn call(
        &self,
        method: &str,
        messages: impl Iterator<Item = Bytes> + Send + 'static,
    ) -> hyper::Result<Response<Incoming>> {
        let frames = stream::iter(messages.map(|message| Ok(Frame::data(message))));
        let request = Request::post(format!("http://{}/UserManager/{method}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(StreamBody::new(frames.boxed()))
            .expect("a request");
        self.sender.clone().send_request(request).await
    }
}

/// Returns `MESSAGES` encoded requests for users that exist.
fn requests() -> impl Iterator<Item = Bytes> + Send + 'static {
    let encoded: Vec<_> = (1..=6)
        .map(|id| Bytes::from(frame(&UserRequest { id })))
        .collect();
    encoded.into_iter().cycle().take(MESSAGES)
}

/// Reads a response to its end. Returns its bytes and its status.
async fn read(response: Response<Incoming>) -> (Bytes, String) {
    let header = response.headers().get("grpc-status").cloned();
    let body = response.into_body().collect().await.expect("a whole body");
    let trailer = body
        .trailers()
        .and_then(|trailers| trailers.get("grpc-status"))
        .cloned();
    let status = trailer.or(header).expect("a status");
    (body.to_bytes(), status.to_str().expect("text").to_owned())
}

fn count_messages(mut body: &[u8]) -> usize {
    let mut count = 0;
    while let [_, a, b, c, d, rest @ ..] = body {
        body = &rest[u32::from_be_bytes([*a, *b, *c, *d]) as usize..];
        count += 1;
    }
    count
}

#[tokio::test]
async fn parallel_streams_of_small_messages_outlast_a_reader_that_pauses() {
    let server = TestServer::start().await;
    let connection = Connection::open(&server, 64 * 1024).await;
    let paused = connection
        .call("GetUsersByIds", requests())
        .await
        .expect("a response");
    let others = async {
        let call = async |method| {
            let response = connection.call(method, requests()).await;
            read(response.expect("a response")).await
        };
        tokio::join!(
            call("GetUsersByIds"),
            call("CountAlreadyUsers"),
            call("CountAlreadyUsers"),
        )
    };
    // Nothing of the first response is read until the other calls are complete.
    let (users, first, second) = tokio::time::timeout(PATIENCE, others)
        .await
        .expect("in time");
    assert_eq!(
        (count_messages(&users.0), users.1.as_str()),
        (MESSAGES, "0")
    );
    for counted in [first, second] {
        assert_eq!(counted.1, "0");
        let count = UserCntResponse::decode(&counted.0[5..]).expect("a count");
        assert_eq!(count.user_cnt as usize, MESSAGES);
    }
    let late = tokio::time::timeout(PATIENCE, read(paused))
        .await
        .expect("in time");
    assert_eq!((count_messages(&late.0), late.1.as_str()), (MESSAGES, "0"));
}

#[tokio::test]
async fn calls_that_end_before_their_requests_do_not_use_up_the_connection() {
    let server = TestServer::start().await;
    let connection = Connection::open(&server, 64 * 1024).await;
    let invalid = ImportUsersRequest {
        options: Some(ImportOptions {
            on_conflict: 99,
            ..ImportOptions::default()
        }),
        ..ImportUsersRequest::default()
    };
    for round in 0..16 {
        let first = [Bytes::from(frame(&invalid))].into_iter();
        let rest =
            std::iter::repeat_n(Bytes::from(frame(&ImportUsersRequest::default())), MESSAGES);
        let response = connection.call("ImportUsers", first.chain(rest)).await;
        let response = response.unwrap_or_else(|error| panic!("call {round}: {error:?}"));
        assert_eq!(read(response).await.1, "3");
    }
}

#[tokio::test]
async fn a_flood_of_small_frames_closes_its_connection() {
    let server = TestServer::start().await;
    let connection = Connection::open(&server, 1).await;
    let mut unread = Vec::new();
    for _ in 0..32 {
        let call = connection.call("GetUsersByIds", requests()).await;
        // The connection may close before the last call.
        unread.extend(call.ok());
    }
    let closed = tokio::time::timeout(PATIENCE, connection.task)
        .await
        .expect("closed in time");
    // A client that is still sending sees a broken pipe before the GOAWAY.
    closed.expect("no panic").expect_err("closed by the server");
    server
        .users()
        .await
        .get_user(UserRequest { id: 1 })
        .await
        .expect("other connections go on");
}

#[tokio::test]
async fn small_responses_that_are_ready_together_share_a_frame() {
    const USERS: usize = 2000;
    let folder = TempDir::new().expect("a folder");
    let users = (1..=USERS).map(|id| {
        format!(r#""{id}": {{"id": {id}, "nickname": "n", "mail_address": "n@example.com", "user_type": "GUEST"}}"#)
    });
    let (_, seed) = seed_file(
        &folder,
        &format!("{{{}}}", users.collect::<Vec<_>>().join(",")),
    );
    let server = TestServer::start_with(|settings| settings.seed = seed).await;
    let connection = Connection::open(&server, 64 * 1024).await;
    let guests = UserTypeRequest {
        user_type: UserType::Guest.into(),
    };
    let request = [Bytes::from(frame(&guests))].into_iter();
    let mut body = connection
        .call("GetUsersByType", request)
        .await
        .expect("a response")
        .into_body();
    // The server fills the window while the client does not read.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut frames = 0;
    while let Some(frame) = body.frame().await {
        frames += usize::from(frame.expect("a frame").is_data());
    }
    assert!(frames < USERS / 50, "{frames} frames for {USERS} messages");
}
