//! Detects whether all requests of a call are ready when the call begins.
//!
//! A tonic client does not tell a service the kind of a call, but the body shows it: the body of a unary or
//! server-streaming call has one message and ends without waiting.

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;

/// The requests of a call.
#[derive(Debug)]
pub(crate) enum Requests {
    /// At most one message, and the end of the requests.
    Whole(Bytes),
    /// The messages that are ready, and the body with the rest.
    Streamed(Bytes, Body),
}

impl Requests {
    /// Takes the messages that are ready, without waiting. Returns an error if the body fails.
    pub(crate) fn of(mut body: Body) -> Result<Self, Status> {
        let mut ready = BytesMut::new();
        while !has_more_than_one_message(&ready) {
            match body.frame().now_or_never() {
                Some(None) => return Ok(Self::Whole(ready.freeze())),
                Some(Some(frame)) => ready.extend(frame?.into_data()),
                None => break,
            }
        }
        Ok(Self::Streamed(ready.freeze(), body))
    }

    /// Waits for the last request, and returns all of them.
    pub(crate) async fn collect(self) -> Result<Bytes, Status> {
        match self {
            Self::Whole(messages) => Ok(messages),
            Self::Streamed(ready, mut rest) => {
                let mut messages = BytesMut::from(ready);
                while let Some(frame) = rest.frame().await {
                    messages.extend(frame?.into_data());
                }
                Ok(messages.freeze())
            }
        }
    }
}

/// Returns whether the bytes go beyond the first message. A message has a prefix of a flag and a length.
fn has_more_than_one_message(bytes: &[u8]) -> bool {
    let Some((&[_, a, b, c, d], rest)) = bytes.split_first_chunk() else {
        return false;
    };
    rest.len() as u64 > u64::from(u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, Stream, StreamExt as _};
    use http_body_util::StreamBody;

    use super::*;

    /// Returns a body with these chunks, as a tonic client makes it.
    fn body(chunks: impl Stream<Item = &'static [u8]> + Send + 'static) -> Body {
        Body::new(StreamBody::new(chunks.map(|chunk| {
            Ok::<_, Status>(http_body::Frame::data(Bytes::from(chunk)))
        })))
    }

    const MESSAGE: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    const TWO: &[u8] = &[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 2];

    fn is_whole(body: Body) -> bool {
        matches!(Requests::of(body), Ok(Requests::Whole(_)))
    }

    #[test]
    fn a_ready_body_of_at_most_one_message_is_whole() {
        assert!(is_whole(body(stream::iter([MESSAGE]))));
        assert!(is_whole(body(stream::iter([&MESSAGE[..3], &MESSAGE[3..]]))));
        assert!(is_whole(body(stream::empty())));
    }

    #[test]
    fn a_body_that_has_several_messages_or_waits_is_streamed() {
        assert!(!is_whole(body(stream::iter([MESSAGE, MESSAGE]))));
        assert!(!is_whole(body(stream::iter([TWO]))));
        assert!(!is_whole(body(
            stream::iter([MESSAGE]).chain(stream::pending())
        )));
        assert!(!is_whole(body(stream::pending())));
        // A body without an end.
        assert!(!is_whole(body(stream::repeat(MESSAGE))));
    }
}
