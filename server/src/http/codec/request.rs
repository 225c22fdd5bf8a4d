//! Reads a request of one message.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt as _;
use prost::Message;
use soundstage_proto::encoded::PREFIX;
use tonic::Status;

use super::request_stream::{late, too_large};
use super::{BodyError, compression};
use crate::limits::MAX_MESSAGE;

/// Reads the message of a request.
///
/// # Errors
/// `UNIMPLEMENTED` for no message, for more than one, and for an unknown compression; `RESOURCE_EXHAUSTED` for a message
/// of more than [`MAX_MESSAGE`] bytes; `DEADLINE_EXCEEDED` if the message does not arrive within `timeout`; `INTERNAL`
/// for a malformed message.
pub(super) async fn read<B, M>(
    headers: &HeaderMap,
    body: &mut B,
    timeout: Duration,
) -> Result<M, Status>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
    M: Message + Default,
{
    let body = tokio::time::timeout(timeout, collect(body))
        .await
        .map_err(|_| late())??;
    let message = message(headers, body)?;
    M::decode(message).map_err(|error| Status::internal(error.to_string()))
}

/// Collects a body up to the end of its first message, and one byte more.
async fn collect<B>(body: &mut B) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    // A body usually arrives in one frame, which needs no copy.
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::from_error(error.into()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
        let received = if joined.is_empty() {
            &first[..]
        } else {
            &joined
        };
        if message_length(received)?.is_some_and(|length| received.len() > PREFIX + length) {
            return Err(not_one_message());
        }
    }
    Ok(if joined.is_empty() {
        first
    } else {
        joined.freeze()
    })
}

/// Returns the length in the prefix of a message; `None` while the prefix is incomplete.
fn message_length(bytes: &[u8]) -> Result<Option<usize>, Status> {
    let Some([_, length @ ..]) = bytes.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_MESSAGE {
        return Err(too_large(length));
    }
    Ok(Some(length))
}

/// Returns the message of a whole body.
fn message(headers: &HeaderMap, mut body: Bytes) -> Result<Bytes, Status> {
    if body.is_empty() {
        return Err(not_one_message());
    }
    let is_compressed = match body.first() {
        Some(0) => false,
        Some(1) => true,
        _ => {
            return Err(Status::internal(
                "the flag of the request message is neither 0 nor 1",
            ));
        }
    };
    if message_length(&body)?.is_none_or(|length| body.len() < PREFIX + length) {
        return Err(Status::internal("the request message is incomplete"));
    }
    body.advance(PREFIX);
    if compression::is_gzip(headers)? {
        if is_compressed {
            return compression::inflate(&body);
        }
    } else if is_compressed {
        return Err(Status::internal(
            "the request message is compressed, and the request has no grpc-encoding",
        ));
    }
    Ok(body)
}

fn not_one_message() -> Status {
    Status::unimplemented("this method takes exactly one request message")
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;
    use soundstage_proto::user::UserRequest;
    use tonic::Code;

    use super::*;

    /// Returns the status of a body that arrives in these chunks, `OK` if the message is complete.
    async fn check(chunks: &[&[u8]]) -> Code {
        let frames = chunks
            .iter()
            .map(|chunk| Ok::<_, BodyError>(Frame::data(Bytes::copy_from_slice(chunk))));
        let frames = futures_util::stream::iter(frames.collect::<Vec<_>>());
        let mut body = StreamBody::new(frames);
        match read(&HeaderMap::new(), &mut body, Duration::MAX).await {
            Ok(UserRequest { id }) => {
                assert_eq!(id, 1);
                Code::Ok
            }
            Err(status) => status.code(),
        }
    }

    #[tokio::test]
    async fn exactly_one_message_is_read_wherever_it_is_split() {
        let one = b"\0\0\0\0\x02\x08\x01";
        let two = [&one[..], one].concat();
        for at in 0..=two.len() {
            let (head, tail) = two.split_at(at);
            assert_eq!(check(&[head, tail]).await, Code::Unimplemented, "{at}");
        }
        for at in 0..=one.len() {
            let (head, tail) = one.split_at(at);
            assert_eq!(check(&[head, tail]).await, Code::Ok, "{at}");
            let expected = if at == 0 {
                Code::Unimplemented
            } else {
                Code::Internal
            };
            if at < one.len() {
                assert_eq!(check(&[head]).await, expected, "{at}");
            }
        }
        assert_eq!(check(&[]).await, Code::Unimplemented);
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_refused_at_its_prefix() {
        assert_eq!(check(&[b"\0\0\x01\0\0"]).await, Code::Internal);
        assert_eq!(check(&[b"\0\0\x01\0\x01"]).await, Code::ResourceExhausted);
        assert_eq!(
            check(&[b"\0\xff\xff", b"\xff\xff"]).await,
            Code::ResourceExhausted
        );
    }

    #[tokio::test]
    async fn a_malformed_message_is_an_internal_error() {
        assert_eq!(check(&[b"\x01\0\0\0\x02\x08\x01"]).await, Code::Internal);
        assert_eq!(check(&[b"\x02\0\0\0\x02\x08\x01"]).await, Code::Internal);
        assert_eq!(check(&[b"\0\0\0\0\x02\x0f\x01"]).await, Code::Internal);
    }
}
