//! The codec of the calls whose request is one message.
//!
//! tonic's codec is one for all kinds of calls: for each call it allocates two buffers of 8 KiB, and boxes the bodies
//! of the request and the response. A request of one message needs none of that, and a unary call takes a sixth less CPU
//! time. The generated services of tonic serve the calls with a stream of requests; [`RequestStream`] checks their
//! messages first.

mod compression;
mod request;
mod request_stream;
mod response;
mod response_stream;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, header};
use http_body::Body;
use prost::Message;
use soundstage_proto::encoded::EncodedUpdate;
use tonic::Status;
use tonic::body::Body as TonicBody;
use tonic::metadata::MetadataMap;

pub(super) use request_stream::RequestStream;
pub(super) use response::{Framing, Messages};

use compression::Compression;
use response::SingleMessage;
use response_stream::{MessageStream, UpdateStream};

/// An error of a request body.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// How to read the request and write the response of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codec {
    pub(super) framing: Framing,
    /// The time in which the request must arrive.
    pub(super) timeout: Duration,
}

/// The parts of a request that its call needs.
pub(super) struct OneMessageCall<B> {
    codec: Codec,
    headers: HeaderMap,
    extensions: Extensions,
    body: B,
}

impl<B> OneMessageCall<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    /// Serves a call with one request and one response message.
    pub(super) async fn unary<Q, R, F>(
        self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default,
        R: Message,
        F: Future<Output = Result<tonic::Response<R>, Status>>,
    {
        let codec = self.codec;
        let compression = Compression::accepted(&self.headers);
        match self.handle(handler).await {
            Ok(response) => {
                let (metadata, message, _) = response.into_parts();
                let mut headers = metadata.into_headers();
                let frame = compression.frame(&message, &mut headers);
                let message = SingleMessage::new(frame, codec.framing);
                codec.respond(headers, Messages::Single(message))
            }
            Err(status) => codec.refuse(status),
        }
    }

    /// Serves a call with one request message and a stream of response messages.
    pub(super) async fn server_streaming<Q, S, R, F>(
        self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default,
        S: Stream<Item = Result<R, Status>> + Send + Unpin + 'static,
        R: Message + 'static,
        F: Future<Output = Result<tonic::Response<S>, Status>>,
    {
        self.stream(handler, |messages| {
            TonicBody::new(MessageStream::new(messages))
        })
        .await
    }

    /// Serves a call with one request message and a stream of updates, each of which many calls share.
    pub(super) async fn shared_streaming<Q, S, F>(
        self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default,
        S: Stream<Item = Result<EncodedUpdate, Status>> + Send + Unpin + 'static,
        F: Future<Output = Result<tonic::Response<S>, Status>>,
    {
        self.stream(handler, |updates| {
            TonicBody::new(UpdateStream::new(updates))
        })
        .await
    }

    async fn stream<Q, S, F>(
        self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
        body: impl FnOnce(S) -> TonicBody,
    ) -> Response<Messages>
    where
        Q: Message + Default,
        F: Future<Output = Result<tonic::Response<S>, Status>>,
    {
        let codec = self.codec;
        match self.handle(handler).await {
            Ok(response) => {
                let (metadata, messages, _) = response.into_parts();
                codec.respond(metadata.into_headers(), Messages::Stream(body(messages)))
            }
            Err(status) => codec.refuse(status),
        }
    }

    /// Reads the message and runs the handler.
    async fn handle<Q, T, F>(
        mut self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Result<tonic::Response<T>, Status>
    where
        Q: Message + Default,
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let message = request::read(&self.headers, &mut self.body, self.codec.timeout).await?;
        let metadata = MetadataMap::from_headers(self.headers);
        let request = tonic::Request::from_parts(metadata, self.extensions, message);
        drop(self.body);
        handler(request).await
    }
}

impl Codec {
    /// Returns the call of a request with one message.
    pub(super) fn one_message<B>(self, request: Request<B>) -> OneMessageCall<B> {
        let (parts, body) = request.into_parts();
        OneMessageCall {
            codec: self,
            headers: parts.headers,
            extensions: parts.extensions,
            body,
        }
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
