//! gRPC over WebSocket: the protocol `grpc-websockets`, with one socket per call. Unlike `fetch`, it lets a browser send
//! requests one at a time while it receives responses.
//!
//! The client's first message is the headers of the request, as lines `name: value`. Each further message is a byte 0 and
//! a chunk of the gRPC-Web request body, or a single byte 1: the half-close. The server's messages are chunks of the
//! gRPC-Web response body. Its first frame has the trailer flag and the response headers, its last frame the trailers.
//!
//! This module only moves bytes between the socket and the gRPC-Web service.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyDataStream, StreamBody};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tonic::body::Body as TonicBody;

use super::ResponseBody;
use crate::limits::{self, CLOSE_TIMEOUT, MAX_SOCKET_HEADERS};

/// The bytes that a field of a header list counts besides its name and value (RFC 9113, section 6.5.2).
const FIELD_OVERHEAD: usize = 32;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// A request to the gRPC-Web service.
pub(super) type CallRequest = Request<StreamBody<RequestFrames>>;
type RequestFrames = futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>;

/// The timeouts of a WebSocket.
#[derive(Debug, Clone, Copy)]
pub(super) struct SocketTimeouts {
    /// The time until the first message.
    pub(super) headers: Duration,
    pub(super) ping_interval: Duration,
    /// The time without a message or a pong after which the connection is closed.
    pub(super) silence: Duration,
}

/// Bridges one call of `path` between an upgraded connection and `service`.
pub(super) async fn bridge<Fut>(
    upgraded: hyper::upgrade::Upgraded,
    path: http::Uri,
    timeouts: SocketTimeouts,
    service: impl FnOnce(CallRequest) -> Fut,
) where
    Fut: Future<Output = Result<Response<TonicBody>, Infallible>> + Send + 'static,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(limits::SOCKET_READ_BUFFER)
        .max_message_size(Some(limits::MAX_SOCKET_MESSAGE))
        .max_frame_size(Some(limits::MAX_SOCKET_MESSAGE));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let end = match timeout(timeouts.headers, receive_headers(&mut socket)).await {
        Ok(Ok(headers)) => {
            let (chunks, body) = mpsc::channel(limits::SOCKET_QUEUE);
            let request = call_request(path, headers, body);
            exchange(&mut socket, chunks, service(request), timeouts).await
        }
        Ok(Err(end)) => end,
        Err(_) => End::Violation(CloseCode::Policy, "the headers did not arrive in time"),
    };
    close(socket, end).await;
}

/// The reason why a socket closes.
#[derive(Debug)]
enum End {
    /// The response is complete.
    Complete,
    /// The client has sent a close frame.
    Closed,
    /// The client has disconnected, or is silent.
    Disconnected,
    /// The client has violated the protocol.
    Violation(CloseCode, &'static str),
}

fn call_request(path: http::Uri, headers: HeaderMap, body: mpsc::Receiver<Bytes>) -> CallRequest {
    let frames = ReceiverStream::new(body).map(|chunk| Ok(Frame::data(chunk)));
    let mut request = Request::new(StreamBody::new(frames.boxed()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = path;
    *request.headers_mut() = headers;
    let content_type = HeaderValue::from_static("application/grpc-web+proto");
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    request
}

async fn receive_headers(socket: &mut Socket) -> Result<HeaderMap, End> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(lines))) => {
                return parse_headers(&lines)
                    .map_err(|(code, reason)| End::Violation(code, reason));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(end_of(other)),
        }
    }
}

/// Parses lines `name: value`.
///
/// # Errors
/// If a line breaks the format, or the headers are larger than [`MAX_SOCKET_HEADERS`].
fn parse_headers(lines: &[u8]) -> Result<HeaderMap, (CloseCode, &'static str)> {
    const MALFORMED: (CloseCode, &str) = (CloseCode::Protocol, "the first message must be headers");
    const TOO_LARGE: (CloseCode, &str) = (CloseCode::Size, "the headers are too large");
    if lines.len() > MAX_SOCKET_HEADERS {
        return Err(TOO_LARGE);
    }
    let mut headers = HeaderMap::new();
    let mut size = 0;
    let lines = std::str::from_utf8(lines).map_err(|_| MALFORMED)?;
    for line in lines.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(MALFORMED)?;
        let (name, value) = (name.trim(), value.trim());
        size += name.len() + value.len() + FIELD_OVERHEAD;
        if size > MAX_SOCKET_HEADERS {
            return Err(TOO_LARGE);
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| MALFORMED)?;
        let value = HeaderValue::from_str(value).map_err(|_| MALFORMED)?;
        headers.try_append(name, value).map_err(|_| TOO_LARGE)?;
    }
    Ok(headers)
}

/// Moves request chunks to the handler and response chunks to the client until one of the two ends.
async fn exchange<Fut>(
    socket: &mut Socket,
    chunks: mpsc::Sender<Bytes>,
    call: Fut,
    timeouts: SocketTimeouts,
) -> End
where
    Fut: Future<Output = Result<Response<TonicBody>, Infallible>> + Send + 'static,
{
    let mut response = Box::pin(response_chunks(call));
    // `None` after the half-close, or when the handler reads no more.
    let mut chunks = Some(chunks);
    // The chunk that waits for a slot in the queue. The socket is not read meanwhile.
    let mut waiting: Option<Bytes> = None;
    let mut last_received = Instant::now();
    let mut pings = tokio::time::interval_at(
        last_received + timeouts.ping_interval,
        timeouts.ping_interval,
    );
    // Created once for all passes of the loop, so that neither a ping nor a response restarts the timer.
    let mut silence = pin!(tokio::time::sleep(timeouts.silence));
    loop {
        let slot = async {
            match (&chunks, &waiting) {
                (Some(chunks), Some(_)) => chunks.clone().reserve_owned().await.ok(),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            slot = slot => {
                // The client was not silent while the socket was not read.
                last_received = Instant::now();
                match (slot, waiting.take()) {
                    (Some(slot), Some(chunk)) => drop(slot.send(chunk)),
                    // The handler reads no more requests. It may still respond.
                    _ => chunks = None,
                }
            }
            () = silence.as_mut(), if waiting.is_none() => {
                let end = last_received + timeouts.silence;
                if Instant::now() >= end {
                    return End::Disconnected;
                }
                silence.as_mut().reset(end);
            }
            message = socket.next(), if waiting.is_none() => {
                last_received = Instant::now();
                match message {
                    Some(Ok(Message::Binary(message))) => match message.first() {
                        Some(0) => match chunks.as_ref().map(|chunks| chunks.try_send(message.slice(1..))) {
                            Some(Err(TrySendError::Full(chunk))) => waiting = Some(chunk),
                            Some(Err(TrySendError::Closed(_))) => chunks = None,
                            Some(Ok(())) | None => {}
                        },
                        Some(1) if message.len() == 1 => chunks = None,
                        _ => return End::Violation(CloseCode::Protocol, "a message must begin with the byte 0, or be the byte 1"),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return end_of(other),
                }
            }
            chunk = response.next() => match chunk {
                None => return End::Complete,
                Some(chunk) => if socket.send(Message::Binary(chunk)).await.is_err() {
                    return End::Disconnected;
                },
            },
            _ = pings.tick() => if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                return End::Disconnected;
            },
        }
    }
}

/// Returns the reason why a message that is neither binary nor a ping closes the socket.
fn end_of(message: Option<Result<Message, Error>>) -> End {
    match message {
        Some(Ok(Message::Text(_))) => {
            End::Violation(CloseCode::Unsupported, "messages must be binary")
        }
        Some(Ok(Message::Close(_))) => End::Closed,
        Some(Err(Error::Capacity(_))) => {
            End::Violation(CloseCode::Size, "the message is too large")
        }
        Some(Err(Error::Utf8(_))) => End::Violation(CloseCode::Invalid, "the text is not UTF-8"),
        Some(Err(Error::Protocol(_))) => {
            End::Violation(CloseCode::Protocol, "the frame is malformed")
        }
        Some(Ok(_) | Err(_)) | None => End::Disconnected,
    }
}

/// Returns the chunks of a response, the headers first.
fn response_chunks<Fut>(call: Fut) -> impl Stream<Item = Bytes> + Send
where
    Fut: Future<Output = Result<Response<TonicBody>, Infallible>> + Send + 'static,
{
    stream::once(call).flat_map(|response| {
        let Ok(response) = response;
        let (parts, body) = response.into_parts();
        // A trailers-only response has its status in the headers. Here the status gets a frame of its own.
        let (trailers, headers): (Vec<_>, Vec<_>) = parts
            .headers
            .iter()
            .partition(|(name, _)| name.as_str().starts_with("grpc-"));
        let mut chunks = vec![header_frame(headers)];
        let is_trailers_only = !trailers.is_empty();
        if is_trailers_only {
            chunks.push(header_frame(trailers));
        }
        let rest = BodyDataStream::new(ResponseBody::GrpcWeb(body))
            .take_while(move |_| std::future::ready(!is_trailers_only));
        stream::iter(chunks).chain(rest.filter_map(|chunk| std::future::ready(chunk.ok())))
    })
}

/// Encodes headers as a gRPC-Web trailer frame: the flag 0x80, the length in four bytes, lines `name:value`.
fn header_frame(headers: Vec<(&HeaderName, &HeaderValue)>) -> Bytes {
    let mut lines = BytesMut::new();
    for (name, value) in headers {
        lines.put_slice(name.as_str().as_bytes());
        lines.put_u8(b':');
        lines.put_slice(value.as_bytes());
        lines.put_slice(b"\r\n");
    }
    let mut frame = BytesMut::with_capacity(5 + lines.len());
    frame.put_u8(0x80);
    frame.put_u32(lines.len() as u32);
    frame.put(lines);
    frame.freeze()
}

/// Completes the closing handshake, within [`CLOSE_TIMEOUT`]: sends a close frame with the reason and waits for the
/// client's close frame, or answers the client's close frame.
async fn close(mut socket: Socket, end: End) {
    let reason = match end {
        End::Disconnected => return,
        // The library has queued the answering close frame, and sends the frame at the next read.
        End::Closed => None,
        End::Complete => Some((CloseCode::Normal, "")),
        End::Violation(code, reason) => Some((code, reason)),
    };
    let handshake = async {
        if let Some((code, reason)) = reason {
            let frame = CloseFrame {
                code,
                reason: reason.into(),
            };
            if socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        while let Some(Ok(_)) = socket.next().await {}
    };
    // Dropping the socket closes the connection of a client that does not answer.
    let _ = timeout(CLOSE_TIMEOUT, handshake).await;
}
