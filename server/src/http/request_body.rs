//! The body of a request, with a timeout for messages that do not arrive.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::Status;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The frames of a request. They fail if a message has begun and is not complete in time, so that a client cannot hold
/// a call by sending a byte at a time. A stream may be silent between two messages.
pub(super) struct RequestBody<B> {
    inner: B,
    messages: MessageScanner,
    /// Whether the request is one message. The time then begins with the call, and ends with the body.
    is_single: bool,
    timeout: Duration,
    /// The time at which the body first waited for the rest of the message.
    waiting_since: Option<Instant>,
    /// Created when the body first waits. Most calls end before that.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> RequestBody<B> {
    pub(super) fn new(inner: B, is_single: bool, timeout: Duration) -> Self {
        Self {
            inner,
            messages: MessageScanner::default(),
            is_single,
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
                return Poll::Ready(Status::deadline_exceeded(
                    "the request message did not arrive in time",
                ));
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl<B> Body for RequestBody<B>
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
        let frame = Pin::new(&mut self.inner).poll_frame(cx).map_err(Into::into);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref()
                    && self.messages.scan(data)
                    && !self.is_single
                {
                    self.waiting_since = None;
                }
            }
            Poll::Ready(_) => {}
            Poll::Pending => {
                if (self.is_single || self.messages.is_within_message())
                    && let Poll::Ready(status) = self.poll_late(cx)
                {
                    return Poll::Ready(Some(Err(status.into())));
                }
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Finds the ends of messages in a sequence of gRPC frames: a flag, the length in four bytes, the message.
#[derive(Debug, Default)]
struct MessageScanner {
    head: [u8; 5],
    head_length: usize,
    /// The bytes of the current message that are still to come.
    missing: usize,
}

impl MessageScanner {
    /// Scans the next bytes, and returns whether a message ended in them.
    fn scan(&mut self, mut bytes: &[u8]) -> bool {
        let mut has_end = false;
        while !bytes.is_empty() {
            if self.missing == 0 {
                let taken = bytes.len().min(self.head.len() - self.head_length);
                let (head, rest) = bytes.split_at(taken);
                self.head[self.head_length..][..taken].copy_from_slice(head);
                self.head_length += taken;
                bytes = rest;
                if self.head_length < self.head.len() {
                    break;
                }
                let [_, length @ ..] = self.head;
                self.head_length = 0;
                self.missing = u32::from_be_bytes(length) as usize;
            }
            let taken = bytes.len().min(self.missing);
            self.missing -= taken;
            bytes = &bytes[taken..];
            has_end |= self.missing == 0;
        }
        has_end
    }

    fn is_within_message(&self) -> bool {
        self.head_length > 0 || self.missing > 0
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
            let mut scanner = MessageScanner::default();
            let mut position = 0;
            for chunk in bytes.chunks(size) {
                let until = position + chunk.len();
                let has_end = ends.iter().any(|end| (position + 1..=until).contains(end));
                assert_eq!(scanner.scan(chunk), has_end, "{size} {position}");
                position = until;
                let within = !ends.contains(&position);
                assert_eq!(scanner.is_within_message(), within, "{size} {position}");
            }
        }
    }
}
