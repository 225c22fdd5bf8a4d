//! The codec of the methods of the contract.
//!
//! tonic's codec is one for all kinds of calls: for each call it allocates two buffers of 8 KiB, and boxes the bodies
//! of the request and the response. A request of one message needs none of that, and a unary call takes a sixth less CPU
//! time. tonic decodes streams of requests; [`RequestStream`] checks their messages first.

mod compression;
mod request;
mod request_stream;
mod response;
mod response_stream;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, header};
use http_body::Body;
use prost::Message;
use tonic::body::Body as TonicBody;
use tonic::codec::{Codec as _, CompressionEncoding};
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

pub(super) use request_stream::RequestStream;
pub(super) use response::{Framing, Messages};

use compression::Compression;
use response::SingleMessage;
use response_stream::{FrameStream, MessageStream};

use crate::limits::MAX_MESSAGE;

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
pub(super) struct Call<B> {
    codec: Codec,
    headers: HeaderMap,
    extensions: Extensions,
    body: B,
}

/// The result of a handler.
type Outcome<T> = Result<tonic::Response<T>, Status>;

impl<B> Call<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
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
        F: Future<Output = Outcome<R>>,
    {
        let codec = self.codec;
        let compression = Compression::accepted(&self.headers);
        match self.handle_message(handler).await {
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

    /// Serves a call with a stream of requests and one response message.
    pub(super) async fn client_streaming<Q, R, F>(
        self,
        handler: impl FnOnce(tonic::Request<Streaming<Q>>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default + 'static,
        R: Message + 'static,
        F: Future<Output = Outcome<R>>,
    {
        let codec = self.codec;
        let outcome = self.handle_messages(handler).await;
        // tonic-web appends trailers to the body, so the body must not state a length.
        let outcome = outcome.map(|response| response.map(|message| stream::iter([Ok(message)])));
        codec.stream(outcome, MessageStream::new)
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
        F: Future<Output = Outcome<S>>,
    {
        let codec = self.codec;
        codec.stream(self.handle_message(handler).await, MessageStream::new)
    }

    /// Serves a call with streams of requests and responses.
    pub(super) async fn bidirectional<Q, S, R, F>(
        self,
        handler: impl FnOnce(tonic::Request<Streaming<Q>>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default + 'static,
        S: Stream<Item = Result<R, Status>> + Send + Unpin + 'static,
        R: Message + 'static,
        F: Future<Output = Outcome<S>>,
    {
        let codec = self.codec;
        codec.stream(self.handle_messages(handler).await, MessageStream::new)
    }

    /// Serves a call with one request message and a stream of encoded messages.
    pub(super) async fn encoded_server_streaming<Q, S, E, F>(
        self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default,
        S: Stream<Item = Result<E, Status>> + Send + Unpin + 'static,
        E: Into<Bytes> + 'static,
        F: Future<Output = Outcome<S>>,
    {
        let codec = self.codec;
        codec.stream(self.handle_message(handler).await, FrameStream::new)
    }

    /// Serves a call with a stream of requests and a stream of encoded messages.
    pub(super) async fn encoded_bidirectional<Q, S, E, F>(
        self,
        handler: impl FnOnce(tonic::Request<Streaming<Q>>) -> F,
    ) -> Response<Messages>
    where
        Q: Message + Default + 'static,
        S: Stream<Item = Result<E, Status>> + Send + Unpin + 'static,
        E: Into<Bytes> + 'static,
        F: Future<Output = Outcome<S>>,
    {
        let codec = self.codec;
        codec.stream(self.handle_messages(handler).await, FrameStream::new)
    }

    /// Reads the message and runs the handler.
    async fn handle_message<Q, T, F>(
        mut self,
        handler: impl FnOnce(tonic::Request<Q>) -> F,
    ) -> Outcome<T>
    where
        Q: Message + Default,
        F: Future<Output = Outcome<T>>,
    {
        let message = request::read(&self.headers, &mut self.body, self.codec.timeout).await?;
        let metadata = MetadataMap::from_headers(self.headers);
        let request = tonic::Request::from_parts(metadata, self.extensions, message);
        drop(self.body);
        handler(request).await
    }

    /// Runs the handler, which reads the messages.
    async fn handle_messages<Q, T, F>(
        self,
        handler: impl FnOnce(tonic::Request<Streaming<Q>>) -> F,
    ) -> Outcome<T>
    where
        Q: Message + Default + 'static,
        F: Future<Output = Outcome<T>>,
    {
        let gzip = compression::is_gzip(&self.headers)?.then_some(CompressionEncoding::Gzip);
        let body = RequestStream::new(self.body, self.codec.timeout);
        let decoder = ProstCodec::<(), Q>::default().decoder();
        // tonic applies the limit to inflated messages too.
        let messages = Streaming::new_request(decoder, body, gzip, Some(MAX_MESSAGE));
        let metadata = MetadataMap::from_headers(self.headers);
        let request = tonic::Request::from_parts(metadata, self.extensions, messages);
        handler(request).await
    }
}

impl Codec {
    /// Returns the call of a request.
    pub(super) fn call<B>(self, request: Request<B>) -> Call<B> {
        let (parts, body) = request.into_parts();
        Call {
            codec: self,
            headers: parts.headers,
            extensions: parts.extensions,
            body,
        }
    }

    /// Returns the response with a stream of messages.
    fn stream<S, T>(self, outcome: Outcome<S>, body: impl FnOnce(S) -> T) -> Response<Messages>
    where
        T: Body<Data = Bytes, Error = Status> + Send + 'static,
    {
        match outcome {
            Ok(response) => {
                let (metadata, messages, _) = response.into_parts();
                let body = Messages::Stream(TonicBody::new(body(messages)));
                self.respond(metadata.into_headers(), body)
            }
            Err(status) => self.refuse(status),
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
