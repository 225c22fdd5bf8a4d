//! The codec of the calls whose request is one message.
//!
//! tonic's codec is one for all kinds of calls: for each call it allocates two buffers of 8 KiB, and boxes the bodies
//! of the request and the response. A request of one message needs none of that; without it a unary call takes a
//! quarter less CPU time. The generated services of tonic serve the calls with a stream of requests, whose messages
//! [`RequestStream`] checks before.

mod compression;
mod request;
mod request_stream;
mod response;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Body;
use prost::Message;
use tonic::Status;
use tonic::body::Body as TonicBody;

pub(super) use request_stream::RequestStream;
pub(super) use response::{Framing, Messages};

use compression::Compression;
use response::{MessageStream, SingleMessage};

/// The length of a message's prefix: a flag, and the length of the message in four bytes ("gRPC over HTTP2", section
/// "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// An error of a request body.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// How to read the request and write the response of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codec {
    pub(super) framing: Framing,
    /// The time in which the request must arrive.
    pub(super) timeout: Duration,
}

impl Codec {
    /// Serves a call with one request and one response message.
    pub(super) async fn unary<B, Q, R, F>(
        self,
        request: Request<B>,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Response<Messages>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BodyError>,
        Q: Message + Default,
        R: Message,
        F: Future<Output = Result<tonic::Response<R>, Status>>,
    {
        let compression = Compression::accepted(request.headers());
        let result = match request::read(request, self.timeout).await {
            Ok(request) => handler(request).await,
            Err(status) => Err(status),
        };
        let response = match result {
            Ok(response) => response,
            Err(status) => return self.refuse(status),
        };
        let (metadata, message, _) = response.into_parts();
        let mut headers = metadata.into_headers();
        let frame = compression.frame(&message, &mut headers);
        self.respond(
            headers,
            Messages::Single(SingleMessage::new(frame, self.framing)),
        )
    }

    /// Serves a call with one request message and a stream of response messages.
    pub(super) async fn server_streaming<B, Q, S, R, F>(
        self,
        request: Request<B>,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Response<Messages>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BodyError>,
        Q: Message + Default,
        S: Stream<Item = Result<R, Status>> + Send + Unpin + 'static,
        R: Message + 'static,
        F: Future<Output = Result<tonic::Response<S>, Status>>,
    {
        let result = match request::read(request, self.timeout).await {
            Ok(request) => handler(request).await,
            Err(status) => Err(status),
        };
        let response = match result {
            Ok(response) => response,
            Err(status) => return self.refuse(status),
        };
        let (metadata, messages, _) = response.into_parts();
        let body = TonicBody::new(MessageStream::new(messages));
        self.respond(metadata.into_headers(), Messages::Stream(body))
    }

    fn respond(self, headers: HeaderMap, messages: Messages) -> Response<Messages> {
        let mut response = Response::new(messages);
        *response.headers_mut() = headers;
        let content_type = HeaderValue::from_static(self.framing.content_type());
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    }

    /// Returns the response of a call that ends without a message.
    pub(super) fn refuse(self, status: Status) -> Response<Messages> {
        let response = status.into_http::<TonicBody>();
        self.respond(response.into_parts().0.headers, Messages::none())
    }
}
