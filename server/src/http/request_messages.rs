//! Checks the messages of a call as they pass: their size, and their number if the method takes one. tonic reports the size
//! as `OUT_OF_RANGE` and a missing message as `INTERNAL`, and accepts a second message; gRPC prescribes
//! `RESOURCE_EXHAUSTED` and `UNIMPLEMENTED`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tonic::Status;

use crate::limits::MAX_MESSAGE;

/// The length of a message's prefix: a flag, and the length of the message in four bytes.
const PREFIX: usize = 5;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The request body of a call, with its checks.
pub(super) struct RequestMessages<B> {
    /// `None` after the end or an error.
    body: Option<B>,
    messages: Messages,
}

impl<B> RequestMessages<B> {
    /// Wraps the body of a call. `takes_one` says whether the method takes exactly one message.
    pub(super) fn new(body: B, takes_one: bool) -> Self {
        Self {
            body: Some(body),
            messages: Messages {
                takes_one,
                count: 0,
                prefix: [0; PREFIX],
                prefix_length: 0,
                rest: 0,
            },
        }
    }
}

impl<B> Body for RequestMessages<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        let checked = match &frame {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => self.messages.pass(data),
                None => self.messages.end(),
            },
            Some(Err(_)) => Ok(()),
            None => self.messages.end(),
        };
        if checked.is_err() || !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(match checked {
            Ok(()) => frame.map(|frame| frame.map_err(Into::into)),
            Err(status) => Some(Err(status.into())),
        })
    }

    // `is_end_stream` stays false until the end is polled, so that an empty body is checked too.
}

/// The position in a sequence of messages.
struct Messages {
    takes_one: bool,
    /// The number of complete prefixes.
    count: usize,
    prefix: [u8; PREFIX],
    /// The number of bytes in `prefix`.
    prefix_length: usize,
    /// The number of bytes that the current message still lacks.
    rest: usize,
}

impl Messages {
    /// Moves past a chunk.
    fn pass(&mut self, mut data: &[u8]) -> Result<(), Status> {
        loop {
            let (_, after) = data.split_at(self.rest.min(data.len()));
            self.rest -= data.len() - after.len();
            if after.is_empty() {
                return Ok(());
            }
            let missing = PREFIX - self.prefix_length;
            let (start, after) = after.split_at(missing.min(after.len()));
            self.prefix[self.prefix_length..][..start.len()].copy_from_slice(start);
            self.prefix_length += start.len();
            if self.prefix_length == PREFIX {
                self.begin()?;
            }
            data = after;
        }
    }

    /// Begins the message of a complete prefix.
    fn begin(&mut self) -> Result<(), Status> {
        let [_, a, b, c, d] = self.prefix;
        self.rest = u32::from_be_bytes([a, b, c, d]) as usize;
        self.prefix_length = 0;
        self.count += 1;
        if self.rest > MAX_MESSAGE {
            return Err(Status::resource_exhausted(format!(
                "a request message has {} bytes; the limit is {MAX_MESSAGE}",
                self.rest
            )));
        }
        self.check_count(self.count == 1)
    }

    /// Checks the end. tonic reports a message that is cut off.
    fn end(&self) -> Result<(), Status> {
        self.check_count(self.count == 1 || self.prefix_length > 0)
    }

    fn check_count(&self, is_one: bool) -> Result<(), Status> {
        if self.takes_one && !is_one {
            return Err(Status::unimplemented(
                "this method takes exactly one request message",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;

    /// Returns the status of a body that arrives in these chunks, `OK` if all of it passes.
    async fn check(chunks: &[&[u8]], takes_one: bool) -> Code {
        let frames = chunks
            .iter()
            .map(|chunk| Ok::<_, Error>(Frame::data(Bytes::copy_from_slice(chunk))));
        let frames = futures_util::stream::iter(frames.collect::<Vec<_>>());
        let body = RequestMessages::new(StreamBody::new(frames), takes_one);
        match body.collect().await {
            Ok(_) => Code::Ok,
            Err(error) => error.downcast::<Status>().expect("a status").code(),
        }
    }

    #[tokio::test]
    async fn messages_are_counted_wherever_they_are_split() {
        let one = b"\0\0\0\0\x02\x08\x01";
        let two = [&one[..], one].concat();
        for at in 0..=two.len() {
            let (head, tail) = two.split_at(at);
            assert_eq!(
                check(&[head, tail], true).await,
                Code::Unimplemented,
                "{at}"
            );
            assert_eq!(check(&[head, tail], false).await, Code::Ok, "{at}");
        }
        for at in 0..=one.len() {
            let (head, tail) = one.split_at(at);
            assert_eq!(check(&[head, tail], true).await, Code::Ok, "{at}");
        }
        assert_eq!(check(&[b"\0\0\0\0\0"], true).await, Code::Ok);
        assert_eq!(check(&[], true).await, Code::Unimplemented);
        assert_eq!(check(&[], false).await, Code::Ok);
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_refused_at_its_prefix() {
        assert_eq!(check(&[b"\0\0\x01\0\0"], false).await, Code::Ok);
        assert_eq!(
            check(&[b"\0\0\x01\0\x01"], false).await,
            Code::ResourceExhausted
        );
        assert_eq!(
            check(&[b"\0\xff\xff", b"\xff\xff"], true).await,
            Code::ResourceExhausted
        );
    }
}
