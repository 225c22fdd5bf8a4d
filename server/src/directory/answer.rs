//! [`Answer`]: the result of a call on the directory, without an allocation if the store knows it immediately.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use super::DirectoryError;

/// The future of a store's result. A store that knows the result immediately, as SQLite does for a point read, returns
/// a ready value without an allocation. Any other store returns a boxed future.
///
/// Dropping an answer cancels a read. It does not cancel a queued change.
#[must_use = "an answer is a future; await it"]
pub struct Answer<'a, T>(State<'a, T>);

enum State<'a, T> {
    /// `None` once the result was taken.
    Ready(Option<Result<T, DirectoryError>>),
    Pending(BoxFuture<'a, Result<T, DirectoryError>>),
}

impl<'a, T> Answer<'a, T> {
    /// Returns an answer that is known.
    pub fn ready(result: Result<T, DirectoryError>) -> Self {
        Self(State::Ready(Some(result)))
    }

    /// Returns an answer that `future` computes.
    pub fn pending(future: impl Future<Output = Result<T, DirectoryError>> + Send + 'a) -> Self {
        Self(State::Pending(Box::pin(future)))
    }
}

impl<T: Unpin> Future for Answer<'_, T> {
    type Output = Result<T, DirectoryError>;

    /// # Panics
    /// If an earlier poll has returned the result.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(
                result
                    .take()
                    .expect("an answer is polled until it is ready"),
            ),
            State::Pending(future) => future.as_mut().poll(context),
        }
    }
}

impl<T> fmt::Debug for Answer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "Answer::Ready",
            State::Pending(_) => "Answer::Pending",
        })
    }
}
