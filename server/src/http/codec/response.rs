//! The messages of a response.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use prost::Message;
use soundstage_proto::encoded::PREFIX;
use tonic::body::Body as TonicBody;

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
