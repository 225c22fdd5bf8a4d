//! Calls of one request or many, over tonic's client with messages as bytes.
//!
//! A generated stub does the same once for each type of message; this is compiled once for all types, which keeps the
//! first load small.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use prost::Message;
use prost::bytes::Bytes;
use soundstage_channel::{BytesCodec, Channel, Transport};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Response, Status, Streaming};

use super::error::CallError;
use super::stream::Messages;
use crate::browser;

/// Longest wait for the beginning of a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Makes a unary call and returns its response.
pub(super) async fn unary<T: Message + Default>(
    path: &'static str,
    request: &impl Message,
) -> Result<T, CallError> {
    decode(in_time(first_message(path, request.encode_to_vec().into())).await?)
}

/// Makes a server streaming call, over `fetch`.
pub(super) async fn server_streaming<T: Message + Default + 'static>(
    path: &'static str,
    request: &impl Message,
) -> Result<Messages<T>, CallError> {
    let responses = in_time(send_one(path, request.encode_to_vec().into())).await?;
    Ok(messages(responses))
}

/// Makes a bidirectional call with encoded requests, over a WebSocket. The end of the requests is the half-close.
pub(super) async fn bidirectional<T: Message + Default + 'static>(
    path: &'static str,
    requests: BoxStream<'static, Bytes>,
) -> Result<Messages<T>, CallError> {
    let response = start(path, Request::new(requests), Transport::WebSocket);
    Ok(messages(in_time(response).await?.into_inner()))
}

async fn send_one(path: &'static str, request: Bytes) -> Result<Streaming<Bytes>, Status> {
    let requests = Request::new(stream::iter([request]).boxed());
    let response = start(path, requests, Transport::GrpcWeb).await?;
    Ok(response.into_inner())
}

async fn first_message(path: &'static str, request: Bytes) -> Result<Bytes, Status> {
    let message = send_one(path, request).await?.message().await?;
    message.ok_or_else(|| Status::internal("the response has no message"))
}

fn messages<T: Message + Default + 'static>(responses: Streaming<Bytes>) -> Messages<T> {
    let messages = stream::try_unfold(responses, async |mut responses| {
        let message = responses.message().await?;
        Ok(message.map(|message| (message, responses)))
    });
    messages
        .map(|message: Result<_, Status>| decode(message?))
        .boxed_local()
}

fn decode<T: Message + Default>(message: Bytes) -> Result<T, CallError> {
    T::decode(message).map_err(|error| CallError::Rejected(error.to_string()))
}

async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, CallError> {
    match select(pin!(call), pin!(browser::sleep(RESPONSE_TIMEOUT))).await {
        Either::Left((result, _)) => Ok(result?),
        Either::Right(_) => Err(CallError::Unreachable),
    }
}
