//! The deadline of a call, enforced by the client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::{FutureExt as _, LocalBoxFuture, Shared};
use futures_util::stream::{self, Stream, StreamExt as _};
use gloo_timers::future::TimeoutFuture;
use http::HeaderMap;
use tonic::Status;

use crate::timeout;

/// A future that is ready once the deadline has passed. Never ready without a deadline.
#[derive(Clone)]
pub(super) struct Deadline(Option<Shared<LocalBoxFuture<'static, ()>>>);

impl Deadline {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(timeout::of(headers).map(|timeout| {
            // A browser's timer has 31 bits of milliseconds: 24 days.
            let millis = timeout.as_millis().min(i32::MAX as u128);
            TimeoutFuture::new(millis as u32).boxed_local().shared()
        }))
    }

    /// Returns the chunks until the deadline, and then an error.
    pub(super) fn limit(
        mut self,
        chunks: impl Stream<Item = Result<Bytes, Status>> + 'static,
    ) -> impl Stream<Item = Result<Bytes, Status>> {
        let mut chunks = chunks.boxed_local();
        stream::poll_fn(move |cx| {
            if self.poll_unpin(cx).is_ready() {
                return Poll::Ready(Some(Err(deadline_exceeded())));
            }
            chunks.poll_next_unpin(cx)
        })
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(expired) => expired.poll_unpin(cx),
            None => Poll::Pending,
        }
    }
}

pub(super) fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}
