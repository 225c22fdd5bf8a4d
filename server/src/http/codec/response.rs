//! The messages of a response.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use prost::Message;
use tonic::Status;
use tonic::body::Body as TonicBody;

use super::PREFIX;

/// The number of bytes at which a part of a stream is sent although more messages are ready.
const CHUNK: usize = 32 * 1024;

/// The trailers of a gRPC-Web call with status `OK`, as a frame of the body: the flag 0x80, the length in four bytes,
/// lines `name:value`.
const WEB_OK: &[u8] = b"\x80\0\0\0\x0fgrpc-status:0\r\n";

/// Where the status of a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Framing {
    /// In the trailers of HTTP/2.
    Grpc,
    /// In the last frame of the body.
    GrpcWeb,
}

impl Framing {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::GrpcWeb => "application/grpc-web+proto",
        }
    }
}

/// The body of a response, from the handler.
pub(in crate::http) enum Messages {
    Single(SingleMessage),
    Stream(TonicBody),
}

impl Messages {
    /// Returns the body of a response that has its status in its headers.
    pub(in crate::http) fn none() -> Self {
        Self::Stream(TonicBody::empty())
    }
}

/// The one message of a response, and the status `OK`.
pub(in crate::http) struct SingleMessage {
    data: Option<Bytes>,
    /// Whether trailers follow. A gRPC-Web response has none.
    has_trailers: bool,
}

impl SingleMessage {
    /// Returns the body of a message that has its prefix.
    pub(super) fn new(message: Bytes, framing: Framing) -> Self {
        match framing {
            Framing::Grpc => Self {
                data: Some(message),
                has_trailers: true,
            },
            Framing::GrpcWeb => {
                let mut data = BytesMut::with_capacity(message.len() + WEB_OK.len());
                data.put_slice(&message);
                data.put_slice(WEB_OK);
                Self {
                    data: Some(data.freeze()),
                    has_trailers: false,
                }
            }
        }
    }

    /// Returns the next frame.
    pub(in crate::http) fn next(&mut self) -> Option<Frame<Bytes>> {
        let data = self.data.take().map(Frame::data);
        data.or_else(|| {
            std::mem::take(&mut self.has_trailers).then(|| Frame::trailers(ok_trailers()))
        })
    }

    pub(in crate::http) fn is_end(&self) -> bool {
        self.data.is_none() && !self.has_trailers
    }

    /// Returns the number of bytes that are left.
    pub(in crate::http) fn length(&self) -> u64 {
        self.data.as_ref().map_or(0, Bytes::len) as u64
    }
}

fn ok_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(
        HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    );
    trailers
}

/// Appends a message with its prefix. `length` is the length of the message.
pub(super) fn put_message(buffer: &mut BytesMut, message: &impl Message, length: usize) {
    buffer.reserve(PREFIX + length);
    buffer.put_u8(0);
    buffer.put_u32(length as u32);
    message.encode_raw(buffer);
}

/// The messages of a stream, as many in a frame as are ready, and the trailers.
pub(super) struct MessageStream<S> {
    messages: S,
    /// The status after the last message.
    end: Option<Status>,
    has_ended: bool,
}

impl<S> MessageStream<S> {
    pub(super) fn new(messages: S) -> Self {
        Self {
            messages,
            end: None,
            has_ended: false,
        }
    }

    fn trailers(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.has_ended = true;
        let mut trailers = HeaderMap::with_capacity(3);
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }
}

impl<S, M> Body for MessageStream<S>
where
    S: Stream<Item = Result<M, Status>> + Unpin,
    M: Message,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let mut buffer = BytesMut::new();
        while self.end.is_none() && buffer.len() < CHUNK {
            match Pin::new(&mut self.messages).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    put_message(&mut buffer, &message, message.encoded_len());
                }
                Poll::Ready(Some(Err(status))) => self.end = Some(status),
                Poll::Ready(None) => self.end = Some(Status::ok("")),
                Poll::Pending if buffer.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Some(match self.end.take_if(|_| buffer.is_empty()) {
            Some(status) => self.trailers(&status),
            None => Ok(Frame::data(buffer.freeze())),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}
