//! gRPC over WebSocket: the protocol `grpc-websockets`, one socket for each call. It gives browsers what `fetch` does
//! not: requests that are sent one at a time while answers come.
//!
//! The client's first message is the request's headers, as lines `name: value`. Each further message is one byte 0 and a
//! piece of the gRPC-Web request, or one byte 1: no more requests. The server's messages are pieces of a gRPC-Web
//! answer; its first frame has the flag of trailers and the response's headers, its last the trailers.
//!
//! So this module only moves bytes to and from the gRPC-Web service.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyDataStream, StreamBody};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tonic::body::Body as TonicBody;

use crate::limits::{self, CLOSE_TIMEOUT, PONG_TIMEOUT, SOCKET_PING_INTERVAL};

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// What the gRPC-Web service is called with.
pub(super) type CallRequest = Request<StreamBody<Requests>>;
type Requests = futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>;

/// Carries one call over an upgraded connection, to the method that `head` names.
pub(super) async fn carry<Fut>(
    upgraded: hyper::upgrade::Upgraded,
    path: http::Uri,
    header_timeout: Duration,
    call: impl FnOnce(CallRequest) -> Fut,
) where
    Fut: Future<Output = Result<Response<TonicBody>, Infallible>> + Send + 'static,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits::MAX_SOCKET_MESSAGE))
        .max_frame_size(Some(limits::MAX_SOCKET_MESSAGE));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let end = match timeout(header_timeout, receive_headers(&mut socket)).await {
        Ok(Ok(headers)) => {
            let (requests, body) = mpsc::channel(limits::SOCKET_QUEUE);
            let request = call_request(path, headers, body);
            exchange(&mut socket, requests, call(request)).await
        }
        Ok(Err(end)) => end,
        Err(_) => End::Broken(CloseCode::Policy, "the headers did not come in time"),
    };
    say_goodbye(socket, end).await;
}

/// Why a socket is done.
#[derive(Debug)]
enum End {
    /// The answer is out.
    Complete,
    /// The client has gone.
    Gone,
    /// The client sent what the protocol does not have.
    Broken(CloseCode, &'static str),
}

fn call_request(path: http::Uri, headers: HeaderMap, body: mpsc::Receiver<Bytes>) -> CallRequest {
    let frames = ReceiverStream::new(body).map(|piece| Ok(Frame::data(piece)));
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
                return parse_headers(&lines).ok_or(End::Broken(
                    CloseCode::Protocol,
                    "the first message is no headers",
                ));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(end_of(other)),
        }
    }
}

/// Lines `name: value`; the pseudo-headers of HTTP/2 and what belongs to the connection are none of ours.
fn parse_headers(lines: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in std::str::from_utf8(lines)
        .ok()?
        .split("\r\n")
        .filter(|line| !line.is_empty())
    {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some(headers)
}

/// Moves requests in and answers out until one side has had enough.
async fn exchange<Fut>(socket: &mut Socket, requests: mpsc::Sender<Bytes>, call: Fut) -> End
where
    Fut: Future<Output = Result<Response<TonicBody>, Infallible>> + Send + 'static,
{
    let mut answer = Box::pin(answer(call));
    let mut requests = Some(requests);
    // A piece for which the queue has no place yet; nothing more is read until it has.
    let mut waiting: Option<Bytes> = None;
    let mut pings =
        tokio::time::interval_at(Instant::now() + SOCKET_PING_INTERVAL, SOCKET_PING_INTERVAL);
    loop {
        let place = async {
            match (&requests, &waiting) {
                (Some(requests), Some(_)) => requests.clone().reserve_owned().await.ok(),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            place = place => match (place, waiting.take()) {
                (Some(place), Some(piece)) => drop(place.send(piece)),
                // The handler reads no more requests, and still answers.
                _ => requests = None,
            },
            message = timeout(PONG_TIMEOUT, socket.next()), if waiting.is_none() => {
                let Ok(message) = message else { return End::Gone };
                match message {
                    Some(Ok(Message::Binary(piece))) => match piece.first() {
                        Some(0) if requests.is_some() => waiting = Some(piece.slice(1..)),
                        Some(0) => {}
                        Some(1) if piece.len() == 1 => requests = None,
                        _ => return End::Broken(CloseCode::Protocol, "a message begins with 0, or is a 1"),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return end_of(other),
                }
            }
            piece = answer.next() => match piece {
                None => return End::Complete,
                Some(piece) => if socket.send(Message::Binary(piece)).await.is_err() {
                    return End::Gone;
                },
            },
            _ = pings.tick() => if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                return End::Gone;
            },
        }
    }
}

/// Why a message that is neither binary nor a ping ends the socket.
fn end_of(message: Option<Result<Message, Error>>) -> End {
    match message {
        Some(Ok(Message::Text(_))) => End::Broken(CloseCode::Unsupported, "messages are binary"),
        Some(Err(Error::Capacity(_))) => End::Broken(CloseCode::Size, "the message is too large"),
        Some(Err(Error::Protocol(_) | Error::Utf8(_))) => {
            End::Broken(CloseCode::Protocol, "the frame is broken")
        }
        Some(Ok(_) | Err(_)) | None => End::Gone,
    }
}

/// The pieces of an answer, the headers first.
fn answer<Fut>(call: Fut) -> impl Stream<Item = Bytes> + Send
where
    Fut: Future<Output = Result<Response<TonicBody>, Infallible>> + Send + 'static,
{
    stream::once(call).flat_map(|response| {
        let Ok(response) = response;
        let (parts, body) = response.into_parts();
        // The status of an answer without messages stands in the headers; here it has a frame of its own.
        let (trailers, headers): (Vec<_>, Vec<_>) = parts
            .headers
            .iter()
            .partition(|(name, _)| name.as_str().starts_with("grpc-"));
        let mut pieces = vec![header_frame(headers)];
        let is_complete = !trailers.is_empty();
        if is_complete {
            pieces.push(header_frame(trailers));
        }
        let rest = BodyDataStream::new(body).take_while(move |_| std::future::ready(!is_complete));
        stream::iter(pieces).chain(rest.filter_map(|piece| std::future::ready(piece.ok())))
    })
}

/// A gRPC-Web frame of headers: the flag 0x80, the length in four bytes, lines `name:value`.
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

/// Closes the socket with the code that says why, and gives the client a moment to answer.
async fn say_goodbye(mut socket: Socket, end: End) {
    let (code, reason) = match end {
        End::Gone => return,
        End::Complete => (CloseCode::Normal, ""),
        End::Broken(code, reason) => (code, reason),
    };
    let farewell = async {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // A client that does not answer is left; its connection is closed when the socket is dropped.
    let _ = timeout(CLOSE_TIMEOUT, farewell).await;
}
