//! The channel itself, over what a browser has.

mod deadline;
mod fetch;
mod websocket;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{Either, select};
use http::{HeaderMap, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;

use crate::requests::Requests;
use crate::{DEFAULT_MAX_MESSAGE_SIZE, ResponseBody};
use deadline::Deadline;

/// What carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// gRPC-Web when the requests are all there as the call begins, a WebSocket when they are not.
    #[default]
    Auto,
    /// gRPC-Web over `fetch`. Requests that come one at a time are held back until the last is there.
    GrpcWeb,
    /// A WebSocket for each call.
    WebSocket,
}

/// Calls the methods of one server. Cheap to make and to clone: connections are the browser's.
#[derive(Debug, Clone)]
pub struct Channel {
    origin: String,
    transport: Transport,
    max_message_size: usize,
}

impl Channel {
    /// A channel to a server by its origin, such as `https://example.com`.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            transport: Transport::default(),
            max_message_size: DEFAULT_MAX_MESSAGE_SIZE,
        }
    }

    /// Carries all calls so.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Allows answer messages of up to so many bytes. tonic's clients have a limit of their own, which they are told by
    /// `max_decoding_message_size`.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<ResponseBody>, Status> {
        let (head, body) = request.into_parts();
        let deadline = Deadline::of(&head.headers);
        let url = format!("{}{}", self.origin, head.uri.path());
        let requests = Requests::of(body)?;
        let over_websocket = match self.transport {
            Transport::Auto => matches!(requests, Requests::Streamed(..)),
            Transport::GrpcWeb => false,
            Transport::WebSocket => true,
        };
        let until = deadline.clone();
        let call = async {
            let limit = self.max_message_size;
            if over_websocket {
                websocket::call(&url, &head.headers, requests, deadline, limit).await
            } else {
                fetch::call(&url, &head.headers, requests, deadline, limit).await
            }
        };
        match select(std::pin::pin!(call), until).await {
            Either::Left((response, _)) => response,
            Either::Right(((), _)) => Err(deadline::deadline_exceeded()),
        }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

/// The request's headers that are sent: not those of HTTP/2, nor those that a browser sets itself.
fn sent_headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !matches!(*name, "te" | "content-type" | "user-agent"))
        .filter_map(|(name, value)| Some((name, value.to_str().ok()?)))
        .chain([
            ("content-type", "application/grpc-web+proto"),
            ("x-grpc-web", "1"),
        ])
}
