//! The channel, over the interfaces of a browser.

mod deadline;
mod fetch;
mod headers;
mod websocket;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{Either, select};
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;

use crate::decoder::DEFAULT_MAX_MESSAGE_SIZE;
use crate::requests::Requests;
use crate::response::ResponseBody;
use deadline::Deadline;

/// The transport of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// gRPC-Web if all requests are ready when the call begins; otherwise a WebSocket.
    #[default]
    Auto,
    /// gRPC-Web over `fetch`. Holds streamed requests back until the last is ready.
    GrpcWeb,
    /// `grpc-websockets`: a WebSocket for each call.
    WebSocket,
}

/// A channel to one server, for the clients that tonic generates.
///
/// Creating and cloning a channel is cheap and opens no connection: the browser pools connections.
#[derive(Debug, Clone)]
pub struct Channel {
    origin: String,
    transport: Transport,
    max_message_size: usize,
}

impl Channel {
    /// Creates a channel to a server by its origin, such as `https://example.com`. A slash at the end is ignored.
    pub fn new(origin: impl Into<String>) -> Self {
        let mut origin = origin.into();
        origin.truncate(origin.trim_end_matches('/').len());
        Self {
            origin,
            transport: Transport::default(),
            max_message_size: DEFAULT_MAX_MESSAGE_SIZE,
        }
    }

    /// Sets the transport of all calls.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Sets the largest response message, in bytes. A tonic client has a limit of its own, which
    /// `max_decoding_message_size` sets. A larger message ends the call with `RESOURCE_EXHAUSTED`.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    async fn send(self, request: Request<Body>) -> Result<Response<ResponseBody>, Status> {
        let (head, body) = request.into_parts();
        let deadline = Deadline::of(&head.headers);
        let url = format!("{}{}", self.origin, head.uri.path());
        let requests = Requests::of(body)?;
        let uses_websocket = match self.transport {
            Transport::Auto => matches!(requests, Requests::Streamed(..)),
            Transport::GrpcWeb => false,
            Transport::WebSocket => true,
        };
        let expired = deadline.clone();
        let call = async {
            let limit = self.max_message_size;
            if uses_websocket {
                websocket::call(&url, &head.headers, requests, deadline, limit).await
            } else {
                fetch::call(&url, &head.headers, requests, deadline, limit).await
            }
        };
        match select(std::pin::pin!(call), expired).await {
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
        Box::pin(self.clone().send(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_of_the_origin_does_not_count() {
        for origin in ["https://example.com", "https://example.com/"] {
            let channel = Channel::new(origin);
            assert_eq!(channel.origin, "https://example.com");
        }
        assert_eq!(
            Channel::new("https://example.com/api/").origin,
            "https://example.com/api"
        );
    }
}
