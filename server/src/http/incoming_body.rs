//! The body of a request as it arrives.
//!
//! A call may end before its request does: the message is too large, a field is invalid, or the request is not a call
//! at all. The rest of the body is then discarded, within limits. Over HTTP/1.1, closing the connection with unread
//! bytes would reset it, and the client would lose the response. Over HTTP/2, h2 counts the frames that arrive for a
//! dropped body against the connection, and closes the connection when its budget for small frames is used up.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::lifecycle::Lifecycle;
use crate::limits::{DISCARD_TIME, MAX_DISCARD};

/// The body of any request. Its drop discards the rest.
pub(super) struct IncomingBody {
    /// `None` after the end.
    incoming: Option<Incoming>,
    /// When the server drains, nothing is discarded.
    lifecycle: Lifecycle,
}

impl IncomingBody {
    pub(super) fn new(incoming: Incoming, lifecycle: Lifecycle) -> Self {
        Self {
            incoming: Some(incoming),
            lifecycle,
        }
    }

    /// Returns whether the client announces more bytes than the server discards.
    pub(super) fn is_too_long_to_discard(&self) -> bool {
        self.size_hint().lower() > MAX_DISCARD as u64
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(incoming).poll_frame(cx));
        if !matches!(&frame, Some(Ok(frame)) if frame.is_data()) {
            self.incoming = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.incoming.as_ref().map(Body::size_hint);
        hint.unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        let rest = self.incoming.take().filter(|rest| !rest.is_end_stream());
        // The runtime of a worker that has ended is gone.
        if let (Some(rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(discard(rest, self.lifecycle.clone()));
        }
    }
}

/// Reads up to [`MAX_DISCARD`] bytes in up to [`DISCARD_TIME`].
async fn discard(mut rest: Incoming, lifecycle: Lifecycle) {
    let read = async {
        let mut allowance = MAX_DISCARD;
        while let Some(Ok(frame)) = rest.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match allowance.checked_sub(length) {
                Some(remaining) => allowance = remaining,
                None => return,
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = tokio::time::sleep(DISCARD_TIME) => {}
        () = lifecycle.draining.cancelled() => {}
    }
}
