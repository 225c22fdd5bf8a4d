//! Streams of messages: their liveness, and the connection that reopens them.

use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::stream::{self, LocalBoxStream, StreamExt as _};
use leptos::prelude::*;

use super::connection::Connection;
use super::error::CallError;
use super::retry::Backoff;
use crate::browser;

/// Messages of a call, until its end or its first error. Dropping the stream cancels the call.
pub(crate) type Messages<T> = LocalBoxStream<'static, Result<T, CallError>>;

/// Follows a stream while it is wanted and the page is visible; ends with its owner. A stream that breaks is reopened
/// with back-off. Returns the state of the connection.
///
/// A hidden page holds no stream, since all tabs share six connections over HTTP/1.1.
pub(crate) fn follow<T: 'static, F>(
    wanted: Signal<bool>,
    open: impl Fn() -> F + Copy + 'static,
    on_message: impl Fn(T) + Copy + 'static,
) -> Signal<Connection>
where
    F: Future<Output = Result<Messages<T>, CallError>> + 'static,
{
    let connection = RwSignal::new(Connection::Connecting);
    let visible = browser::page_is_visible();
    Effect::new(move |_| {
        if visible.get() && wanted.get() {
            connection.set(Connection::Connecting);
            browser::spawn_scoped(async move {
                let mut backoff = Backoff::default();
                loop {
                    let error = receive(connection, &mut backoff, open(), on_message).await;
                    let is_final = error.is_final();
                    let now = browser::now();
                    connection.update(|connection| *connection = connection.after(error, now));
                    if is_final {
                        return;
                    }
                    browser::sleep(backoff.next_delay()).await;
                }
            });
        } else {
            connection.set(Connection::Paused);
        }
    });
    connection.into()
}

/// Receives messages until the stream breaks, and returns the reason. The end of the stream counts as a lost connection.
async fn receive<T>(
    connection: RwSignal<Connection>,
    backoff: &mut Backoff,
    opening: impl Future<Output = Result<Messages<T>, CallError>>,
    on_message: impl Fn(T),
) -> CallError {
    let mut messages = match opening.await {
        Ok(messages) => messages,
        Err(error) => return error,
    };
    connection.set(Connection::Live);
    let start = browser::now();
    let error = loop {
        match messages.next().await {
            Some(Ok(message)) => on_message(message),
            Some(Err(error)) => break error,
            None => break CallError::Unreachable,
        }
    };
    backoff.reset_after(browser::now() - start);
    error
}

/// Ends a stream with [`CallError::Unreachable`] if a message takes longer than `timeout`, a new timer for each message.
pub(super) fn with_liveness<T: 'static, F: Future<Output = ()>>(
    messages: Messages<T>,
    timeout: impl Fn() -> F + Copy + 'static,
) -> Messages<T> {
    let live = stream::unfold(Some(messages), move |messages| async move {
        let mut messages = messages?;
        match select(messages.next(), pin!(timeout())).await {
            Either::Left((message, _)) => Some((message?, Some(messages))),
            // The silent call is cancelled here.
            Either::Right(_) => Some((Err(CallError::Unreachable), None)),
        }
    });
    live.boxed_local()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::{pending, ready};

    use super::*;

    #[test]
    fn a_stream_that_speaks_in_time_passes_through() {
        let messages = stream::iter([Ok(1), Ok(2)]).boxed_local();
        let live = with_liveness(messages, pending);
        let received = live.collect::<Vec<_>>().now_or_never();
        assert_eq!(received, Some(vec![Ok(1), Ok(2)]));
    }

    #[test]
    fn a_silent_stream_ends_with_an_error() {
        let silent = stream::iter([Ok(1)]).chain(stream::pending());
        let live = with_liveness(silent.boxed_local(), || ready(()));
        let received = live.collect::<Vec<_>>().now_or_never();
        assert_eq!(received, Some(vec![Ok(1), Err(CallError::Unreachable)]));
    }
}
