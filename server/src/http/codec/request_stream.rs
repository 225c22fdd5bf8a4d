//! Checks the messages of a stream of requests as they pass: their size, and the time in which each arrives.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use soundstage_proto::encoded::PREFIX;
use tokio::time::{Instant, Sleep};
use tonic::Status;

use super::BodyError;
use crate::limits::MAX_MESSAGE;

/// The body of a request with any number of messages. Fails at a message of more than [`MAX_MESSAGE`] bytes, and if a
/// message has begun and is not complete in time, so that a client cannot hold a call by sending a byte at a time. The
/// stream may be silent between two messages.
pub(in crate::http) struct RequestStream<B> {
    /// `None` after the end or an error.
    body: Option<B>,
    position: Position,
    timeout: Duration,
    /// The time at which the body first waited for the rest of the message.
    waiting_since: Option<Instant>,
    /// Created when the body first waits within a message. Most calls end before that.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> RequestStream<B> {
    /// Wraps the body of a call. `timeout` is the time for each message.
    pub(in crate::http) fn new(body: B, timeout: Duration) -> Self {
        Self {
            body: Some(body),
            position: Position::default(),
            timeout,
            waiting_since: None,
            timer: None,
        }
    }

    /// Returns the error of a message that is late.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let end = since + self.timeout;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        // The timer may be too early, because a reset for each message would cost more than a check.
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(late());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl<B> Body for RequestStream<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let result = match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                match frame.data_ref().map(|data| self.position.pass(data)) {
                    Some(Ok(true)) => {
                        self.waiting_since = None;
                        Ok(frame)
                    }
                    Some(Ok(false)) | None => Ok(frame),
                    Some(Err(status)) => Err(status.into()),
                }
            }
            Poll::Ready(Some(Err(error))) => Err(error.into()),
            Poll::Ready(None) => {
                self.body = None;
                return Poll::Ready(None);
            }
            Poll::Pending if self.position.is_within_message() => {
                Err(ready!(self.poll_late(cx)).into())
            }
            Poll::Pending => return Poll::Pending,
        };
        if result.is_err() {
            self.body = None;
        }
        Poll::Ready(Some(result))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}

/// Returns the status of a message over the limit. tonic's would be `OUT_OF_RANGE`; gRPC prescribes
/// `RESOURCE_EXHAUSTED`.
pub(super) fn too_large(length: usize) -> Status {
    Status::resource_exhausted(format!(
        "a request message has {length} bytes; the limit is {MAX_MESSAGE}"
    ))
}

/// Returns the status of a message that does not arrive in time.
pub(super) fn late() -> Status {
    Status::deadline_exceeded("the request message did not arrive in time")
}

/// The position in a sequence of messages.
#[derive(Debug, Default)]
struct Position {
    prefix: [u8; PREFIX],
    /// The number of bytes in `prefix`.
    prefix_length: usize,
    /// The number of bytes that the current message still lacks.
    rest: usize,
}

impl Position {
    /// Moves past a chunk, and returns whether a message ended in it.
    fn pass(&mut self, mut data: &[u8]) -> Result<bool, Status> {
        let mut has_end = false;
        while !data.is_empty() {
            if self.rest == 0 {
                let taken = data.len().min(PREFIX - self.prefix_length);
                let (start, after) = data.split_at(taken);
                self.prefix[self.prefix_length..][..taken].copy_from_slice(start);
                self.prefix_length += taken;
                data = after;
                if self.prefix_length < PREFIX {
                    break;
                }
                let [_, length @ ..] = self.prefix;
                self.prefix_length = 0;
                self.rest = u32::from_be_bytes(length) as usize;
                if self.rest > MAX_MESSAGE {
                    return Err(too_large(self.rest));
                }
            }
            let taken = data.len().min(self.rest);
            self.rest -= taken;
            data = &data[taken..];
            has_end |= self.rest == 0;
        }
        Ok(has_end)
    }

    fn is_within_message(&self) -> bool {
        self.prefix_length > 0 || self.rest > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_messages_are_found_however_the_bytes_are_split() {
        let bytes = b"\0\0\0\0\x03abc\0\0\0\0\0\0\0\0\0\x01x";
        let ends = [8, 13, 19];
        for size in 1..=bytes.len() {
            let mut position = Position::default();
            let mut passed = 0;
            for chunk in bytes.chunks(size) {
                let until = passed + chunk.len();
                let has_end = ends.iter().any(|end| (passed + 1..=until).contains(end));
                assert_eq!(position.pass(chunk).ok(), Some(has_end), "{size} {passed}");
                passed = until;
                let within = !ends.contains(&passed);
                assert_eq!(position.is_within_message(), within, "{size} {passed}");
            }
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_at_its_prefix() {
        let mut position = Position::default();
        assert_eq!(position.pass(b"\0\0\x01\0\0").ok(), Some(false));
        for chunks in [&[&b"\0\0\x01\0\x01"[..]][..], &[b"\0\xff\xff", b"\xff\xff"]] {
            let mut position = Position::default();
            let results: Vec<_> = chunks.iter().map(|chunk| position.pass(chunk)).collect();
            let status = results.last().and_then(|last| last.as_ref().err());
            assert_eq!(
                status.map(Status::code),
                Some(tonic::Code::ResourceExhausted)
            );
        }
    }
}
