//! The body type of all responses, over hyper and WebSockets.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tonic::Status;
use tonic::body::Body as TonicBody;

use super::supervise::CallBody;
use crate::watchdog;

/// The body of any response. Reports its progress to the watchdog of its task.
pub(crate) enum ResponseBody {
    /// The messages and trailers of a native gRPC call, or the message of a unary gRPC-Web call.
    Grpc(CallBody),
    /// The frames of any other gRPC-Web call, encoded by tonic-web.
    GrpcWeb(TonicBody),
    /// A file of the page, or a sentence.
    Full(Full<Bytes>),
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::Full(Full::default())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match self.get_mut() {
            Self::Grpc(body) => Pin::new(body).poll_frame(cx),
            Self::GrpcWeb(body) => Pin::new(body).poll_frame(cx),
            Self::Full(body) => {
                let frame = Pin::new(body).poll_frame(cx);
                frame.map_err(|infallible| match infallible {})
            }
        };
        watchdog::observe_frame(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Grpc(body) => body.is_end_stream(),
            Self::GrpcWeb(body) => body.is_end_stream(),
            Self::Full(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Grpc(body) => body.size_hint(),
            Self::GrpcWeb(body) => body.size_hint(),
            Self::Full(body) => body.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        watchdog::observe_end();
    }
}
