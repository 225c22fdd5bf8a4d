//! Calls of one request or many, with typed messages.
//!
//! A generated stub does the same once for each type of message. Here, only encoding and decoding depend on the type,
//! which keeps the first load small.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, LocalBoxStream, StreamExt as _};
use prost::Message;
use prost::bytes::Bytes;

use super::error::CallError;
use super::stream::Messages;
use super::{channel, fetch};
use crate::browser;

/// Longest wait for the beginning of a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes a unary call and returns its response.
pub(super) async fn unary<T: Message + Default>(
    path: &'static str,
    request: &impl Message,
) -> Result<T, CallError> {
    decode(&in_time(first_message(path, request.encode_to_vec())).await?)
}

/// Makes a server streaming call, over `fetch`.
pub(super) async fn server_streaming<T: Message + Default + 'static>(
    path: &'static str,
    request: &impl Message,
) -> Result<Messages<T>, CallError> {
    let messages = in_time(all_messages(path, request.encode_to_vec())).await?;
    Ok(decode_each(messages))
}

/// Makes a bidirectional call with encoded requests, over a WebSocket. The end of the requests is the half-close.
pub(super) async fn bidirectional<T: Message + Default + 'static>(
    path: &'static str,
    requests: BoxStream<'static, Bytes>,
) -> Result<Messages<T>, CallError> {
    let messages = in_time(channel::bidirectional(path, requests)).await?;
    Ok(decode_each(messages))
}

async fn first_message(path: &'static str, request: Vec<u8>) -> Result<Bytes, CallError> {
    let mut responses = fetch::call(path, &request).await?;
    let message = responses.message().await?;
    let message = message.ok_or_else(|| CallError::Failed("the response has no message".into()))?;
    // The status follows the message.
    match responses.message().await? {
        None => Ok(message),
        Some(_) => Err(CallError::Failed(
            "the response has several messages".into(),
        )),
    }
}

async fn all_messages(
    path: &'static str,
    request: Vec<u8>,
) -> Result<LocalBoxStream<'static, Result<Bytes, CallError>>, CallError> {
    let responses = fetch::call(path, &request).await?;
    let messages = stream::try_unfold(responses, async |mut responses| {
        let message = responses.message().await?;
        Ok(message.map(|message| (message, responses)))
    });
    Ok(messages.boxed_local())
}

fn decode_each<T: Message + Default + 'static>(
    messages: LocalBoxStream<'static, Result<Bytes, CallError>>,
) -> Messages<T> {
    messages.map(|message| decode(&message?)).boxed_local()
}

fn decode<T: Message + Default>(message: &[u8]) -> Result<T, CallError> {
    T::decode(message).map_err(|error| CallError::Rejected(error.to_string()))
}

async fn in_time<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    match select(pin!(call), pin!(browser::sleep(RESPONSE_TIMEOUT))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(CallError::Unreachable),
    }
}
