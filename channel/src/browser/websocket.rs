//! gRPC over WebSocket: the protocol `grpc-websockets`, one socket for each call.
//!
//! The first message has the request's headers, as lines `name: value`. Then come a byte 0 and bytes of the gRPC-Web
//! request, as often as there are some; a byte 1 says that no more will. Back come the bytes of a gRPC-Web answer, which
//! begins with a frame of headers.

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
use super::sent_headers;
use crate::decoder::{Decoder, Frame};
use crate::requests::Requests;
use crate::{Failure, ResponseBody};
use socket::{Event, Events, Sender};

/// What a byte before a message says.
const DATA: u8 = 0;
const HALF_CLOSE: u8 = 1;
/// The code of a socket that has served its purpose (RFC 6455, section 7.4.1).
const NORMAL_CLOSURE: u16 = 1000;
/// The longest message of the socket that is sent, in bytes. Servers limit them.
const PIECE: usize = 32 * 1024;

pub(super) async fn call(
    url: &str,
    headers: &HeaderMap,
    requests: Requests,
    deadline: Deadline,
    max_message_size: usize,
) -> Result<Response<ResponseBody>, Status> {
    // `http` becomes `ws`, and `https` `wss`.
    let (sender, mut events) = socket::open(&url.replacen("http", "ws", 1))?;
    match events.next().await {
        Some(Event::Open) => {}
        closed => return Err(Failure::NeverReached.status(Code::Unavailable, &reason(closed))),
    }
    let lines: Vec<_> = sent_headers(headers)
        .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
        .collect();
    sender.send(lines.concat().as_bytes());
    let sending = AbortOnDrop::spawn(send(requests, sender));
    let pieces = deadline.end(pieces(events, sending));
    head(ResponseBody::new(Decoder::new(max_message_size), pieces)).await
}

/// Reads the headers, which come first.
async fn head(mut body: ResponseBody) -> Result<Response<ResponseBody>, Status> {
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
            Err(Status::internal("the answer begins without headers"))
        }
    }
}

/// Stops a task when it is dropped.
struct AbortOnDrop(AbortHandle);

impl AbortOnDrop {
    fn spawn(task: impl Future<Output = ()> + 'static) -> Self {
        let (task, handle) = abortable(task);
        spawn_local(async move {
            // An aborted task is no error.
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

/// Sends the requests as they come, not faster than they leave.
async fn send(requests: Requests, sender: Sender) {
    let (ready, mut rest) = match requests {
        Requests::Whole(ready) => (ready, None),
        Requests::Streamed(ready, rest) => (ready, Some(rest)),
    };
    sender.send_data(&ready).await;
    while let Some(body) = &mut rest {
        match body.frame().await {
            Some(Ok(frame)) => {
                sender
                    .send_data(frame.data_ref().map_or(&[], |data| data))
                    .await;
            }
            // What the caller cannot send is not the end of what it meant to: the call is off.
            Some(Err(_)) => return sender.close(),
            None => rest = None,
        }
    }
    sender.send(&[HALF_CLOSE]);
}

impl Sender {
    async fn send_data(&self, data: &[u8]) {
        for piece in data.chunks(PIECE) {
            self.drained().await;
            self.send(&[&[DATA], piece].concat());
        }
    }
}

/// The bytes of the answer. It closes the socket and stops sending when it is dropped.
fn pieces(events: Events, sending: AbortOnDrop) -> impl Stream<Item = Result<Bytes, Status>> {
    stream::unfold((events, sending), async |(mut events, sending)| {
        let piece = match events.next().await? {
            Event::Message(piece) => Ok(piece),
            Event::Closed {
                code: NORMAL_CLOSURE,
                ..
            } => return None,
            closed => Err(closed_early(closed)),
        };
        Some((piece, (events, sending)))
    })
}

/// The status of a call whose socket was closed before the answer's end.
fn closed_early(event: Event) -> Status {
    let code = match &event {
        // RFC 6455, section 7.4.1: broken frame, wrong kind, policy; too large.
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
        Some(Event::Overrun) => "answers come faster than they are read".to_owned(),
        _ => String::new(),
    }
}
