//! Calls over the channel, by tonic's client with messages as bytes: over a WebSocket, and of any method.

use futures_util::stream::{self, BoxStream, LocalBoxStream, StreamExt as _};
use prost::bytes::Bytes;
use soundstage_channel::{BytesCodec, Channel, Transport};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Response, Status, Streaming};

use super::error::CallError;
use crate::browser;

/// Starts a call of any kind at the server that the page came from.
pub(super) async fn start(
    path: &'static str,
    requests: Request<BoxStream<'static, Bytes>>,
    transport: Transport,
) -> Result<Response<Streaming<Bytes>>, Status> {
    let path = PathAndQuery::from_static(path);
    let channel = Channel::new(browser::origin()).with_transport(transport);
    Grpc::new(channel)
        .streaming(requests, path, BytesCodec)
        .await
}

/// Starts a bidirectional call over a WebSocket, and returns its responses.
pub(super) async fn bidirectional(
    path: &'static str,
    requests: BoxStream<'static, Bytes>,
) -> Result<LocalBoxStream<'static, Result<Bytes, CallError>>, CallError> {
    let response = start(path, Request::new(requests), Transport::WebSocket).await?;
    let messages = stream::try_unfold(response.into_inner(), async |mut responses| {
        let message = responses.message().await?;
        Ok(message.map(|message| (message, responses)))
    });
    Ok(messages.boxed_local())
}
