//! Streams of response messages.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::HeaderMap;
use http_body::{Body, Frame};
use prost::Message;
use tonic::Status;

use super::response::put_message;

/// The number of bytes at which the first part of a stream is sent although more messages are ready. Each part has
/// twice as many as the part before, up to [`LARGEST_CHUNK`]: a client that takes nothing costs little memory.
const FIRST_CHUNK: usize = 1024;

/// The number of bytes at which any part of a stream is sent.
const LARGEST_CHUNK: usize = 32 * 1024;

/// The messages of a stream, as many in a frame as are ready, and the trailers. While the parts grow, other calls run
/// between two parts, so that thousands of streams that begin at once delay no other call. Later the client's window
/// sets the pace.
pub(super) struct MessageStream<S> {
    messages: S,
    /// The number of bytes at which the next part is sent.
    chunk: usize,
    /// Whether the other calls of the thread may run before the next part.
    yields: bool,
    /// The status after the last message.
    end: Option<Status>,
    has_ended: bool,
}

impl<S> MessageStream<S> {
    pub(super) fn new(messages: S) -> Self {
        Self {
            messages,
            chunk: FIRST_CHUNK,
            yields: false,
            end: None,
            has_ended: false,
        }
    }
}

impl<S, M> Body for MessageStream<S>
where
    S: Stream<Item = Result<M, Status>> + Unpin,
    M: Message,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut buffer = BytesMut::new();
        while self.end.is_none() && buffer.len() < self.chunk {
            match Pin::new(&mut self.messages).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    put_message(&mut buffer, &message, message.encoded_len());
                }
                Poll::Ready(Some(Err(status))) => self.end = Some(status),
                Poll::Ready(None) => self.end = Some(Status::ok("")),
                Poll::Pending if buffer.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        if let Some(status) = self.end.take_if(|_| buffer.is_empty()) {
            self.has_ended = true;
            return Poll::Ready(Some(trailers(&status)));
        }
        self.yields = buffer.len() >= self.chunk && self.chunk < LARGEST_CHUNK;
        self.chunk = (2 * self.chunk).min(LARGEST_CHUNK);
        Poll::Ready(Some(Ok(Frame::data(buffer.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}

/// A stream of encoded messages, with their prefixes, which are sent without a copy; and the trailers.
pub(super) struct FrameStream<S> {
    frames: S,
    has_ended: bool,
}

impl<S> FrameStream<S> {
    pub(super) fn new(frames: S) -> Self {
        Self {
            frames,
            has_ended: false,
        }
    }
}

impl<S, F> Body for FrameStream<S>
where
    S: Stream<Item = Result<F, Status>> + Unpin,
    F: Into<Bytes>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let status = match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
            Some(Ok(frame)) => return Poll::Ready(Some(Ok(Frame::data(frame.into())))),
            Some(Err(status)) => status,
            None => Status::ok(""),
        };
        self.has_ended = true;
        Poll::Ready(Some(trailers(&status)))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }
}

fn trailers(status: &Status) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::with_capacity(3);
    status.add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}
