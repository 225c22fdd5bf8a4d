//! Whether a call's requests are all there when it begins. A tonic client does not tell a service which kind of call it
//! makes, but the body does: that of a unary or server-streaming call has one message, and ends, without waiting.

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;

/// The requests of a call.
#[derive(Debug)]
pub(crate) enum Requests {
    /// One message, or none, and no more will come.
    Whole(Bytes),
    /// What has come so far, and what else will.
    Streamed(Bytes, Body),
}

impl Requests {
    /// Looks at what is there now, without waiting.
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

    /// All of them, once the last has come.
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

/// Each message has its flag and its length before it.
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

    /// What a tonic client sends of requests that come so.
    fn body(pieces: impl Stream<Item = &'static [u8]> + Send + 'static) -> Body {
        Body::new(StreamBody::new(pieces.map(|piece| {
            Ok::<_, Status>(http_body::Frame::data(Bytes::from(piece)))
        })))
    }

    const MESSAGE: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    const TWO: &[u8] = &[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 2];

    fn is_whole(body: Body) -> bool {
        matches!(Requests::of(body), Ok(Requests::Whole(_)))
    }

    #[test]
    fn one_message_that_is_all_there_is_whole() {
        assert!(is_whole(body(stream::iter([MESSAGE]))));
        assert!(is_whole(body(stream::iter([&MESSAGE[..3], &MESSAGE[3..]]))));
        assert!(is_whole(body(stream::empty())));
    }

    #[test]
    fn more_messages_or_some_to_wait_for_are_streamed() {
        assert!(!is_whole(body(stream::iter([MESSAGE, MESSAGE]))));
        assert!(!is_whole(body(stream::iter([TWO]))));
        assert!(!is_whole(body(
            stream::iter([MESSAGE]).chain(stream::pending())
        )));
        assert!(!is_whole(body(stream::pending())));
        // Without an end, too.
        assert!(!is_whole(body(stream::repeat(MESSAGE))));
    }
}
