//! gRPC over WebSocket: the protocol `grpc-websockets`, one socket for each call.
//!
//! The first message of the client has the request headers, as lines `name: value`. Each following message has a tag
//! byte: 0 before bytes of the gRPC-Web request, 1 alone at the end of the requests (half-close). The messages of the
//! server are the bytes of a gRPC-Web response, which begins with a frame of headers.

mod socket;

use std::future::poll_fn;

use bytes::Bytes;
use futures_util::future::{AbortHandle, abortable};
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use tonic::{Code, Status};
use wasm_bindgen_futures::spawn_local;

use super::deadline::Deadline;
use super::headers::request_headers;
use crate::decoder::{Decoder, Frame};
use crate::failure::Failure;
use crate::requests::Requests;
use crate::response::ResponseBody;
use socket::{Event, Events, Sender};

/// The tag of a message with bytes of the request.
const DATA: u8 = 0;
/// The tag of the message that ends the requests.
const HALF_CLOSE: u8 = 1;
/// The close code of a completed call (RFC 6455, section 7.4.1).
const NORMAL_CLOSURE: u16 = 1000;
/// The largest number of request bytes in one WebSocket message. Servers limit the size of messages.
const MAX_CHUNK: usize = 32 * 1024;

pub(super) async fn call(
    url: &str,
    headers: &HeaderMap,
    requests: Requests,
    deadline: Deadline,
    max_message_size: usize,
) -> Result<Response<ResponseBody>, Status> {
    // Replaces `http` by `ws`, and `https` by `wss`.
    let (sender, mut events) = socket::open(&url.replacen("http", "ws", 1))?;
    match events.next().await {
        Some(Event::Open) => {}
        closed => return Err(Failure::NeverReached.status(Code::Unavailable, &reason(closed))),
    }
    let lines: Vec<_> = request_headers(headers)
        .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
        .collect();
    sender.send(lines.concat().as_bytes());
    let sending = AbortOnDrop::spawn(send(requests, sender));
    let chunks = deadline.limit(chunks(events, sending));
    read_headers(ResponseBody::new(Decoder::new(max_message_size), chunks)).await
}

/// Reads the headers, which are the first frame.
async fn read_headers(mut body: ResponseBody) -> Result<Response<ResponseBody>, Status> {
    match poll_fn(|cx| body.poll_decoded(cx)).await {
        Some(Ok(Frame::Headers(mut headers))) => {
            body.take_early_status(&mut headers);
            let mut response = Response::new(body);
            *response.headers_mut() = headers;
            let content_type = HeaderValue::from_static("application/grpc-web+proto");
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, content_type);
            Ok(response)
        }
        Some(Err(status)) => Err(status),
        Some(Ok(Frame::Message(_))) | None => {
            Err(Status::internal("the response begins without headers"))
        }
    }
}

/// Aborts a task when dropped.
struct AbortOnDrop(AbortHandle);

impl AbortOnDrop {
    fn spawn(task: impl Future<Output = ()> + 'static) -> Self {
        let (task, handle) = abortable(task);
        spawn_local(async move {
            // Fails if the task is aborted, which is no error.
            let _ = task.await;
        });
        Self(handle)
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends the requests as they become ready, no faster than the socket sends them.
async fn send(requests: Requests, sender: Sender) {
    let mut message = Vec::new();
    let (ready, mut rest) = match requests {
        Requests::Whole(ready) => (ready, None),
        Requests::Streamed(ready, rest) => (ready, Some(rest)),
    };
    sender.send_data(&ready, &mut message).await;
    while let Some(body) = &mut rest {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(&[][..], |data| data);
                sender.send_data(data, &mut message).await;
            }
            // A half-close would make a failed stream of requests look complete.
            Some(Err(_)) => return sender.close(),
            None => rest = None,
        }
    }
    sender.send(&[HALF_CLOSE]);
}

impl Sender {
    /// Sends bytes of the request. `message` is memory that every WebSocket message reuses.
    async fn send_data(&self, data: &[u8], message: &mut Vec<u8>) {
        for chunk in data.chunks(MAX_CHUNK) {
            self.drained().await;
            message.clear();
            message.push(DATA);
            message.extend_from_slice(chunk);
            self.send(message);
        }
    }
}

/// Returns the bytes of the response. Dropping the stream closes the socket and stops sending.
fn chunks(mut events: Events, sending: AbortOnDrop) -> impl Stream<Item = Result<Bytes, Status>> {
    stream::poll_fn(move |cx| {
        // The stream owns the task that sends.
        let _ = &sending;
        events.poll_next_unpin(cx).map(|event| match event? {
            Event::Message(chunk) => Some(Ok(chunk)),
            Event::Closed {
                code: NORMAL_CLOSURE,
                ..
            } => None,
            closed => Some(Err(closed_early(closed))),
        })
    })
}

/// Returns the status of a call whose socket closed before the end of the response.
fn closed_early(event: Event) -> Status {
    let code = match &event {
        // RFC 6455, section 7.4.1: protocol error, unsupported data, policy violation.
        Event::Closed {
            code: 1002 | 1003 | 1008,
            ..
        } => Code::Internal,
        Event::Closed { code: 1009, .. } | Event::Overrun => Code::ResourceExhausted,
        _ => Code::Unavailable,
    };
    Failure::ConnectionLost.status(code, &reason(Some(event)))
}

fn reason(event: Option<Event>) -> String {
    match event {
        Some(Event::Closed { reason, .. }) => reason,
        Some(Event::Overrun) => "responses arrive faster than the caller reads them".to_owned(),
        _ => String::new(),
    }
}
