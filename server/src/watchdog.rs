//! Cuts calls whose clients take no bytes.
//!
//! A call ends with a status when the transport asks its body for the next frame. No transport asks while its client
//! takes no bytes: a closed HTTP/2 window or a full TCP buffer would keep the call open past its deadline, for ever. A
//! [`Watchdog`] runs around the task that sends the response, observes whether that task asks, and drops the task when
//! a call has been ready to send for too long. A call that waits for its handler is not cut.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Instant, Sleep};

use crate::limits::DEADLINE_GRACE;

tokio::task_local! {
    /// The progress of the call whose response the current task sends. Over HTTP/1.1 a task sends one response after
    /// the other; a WebSocket and a stream of HTTP/2 have one call and a task of their own.
    static CALL: CallProgress;
}

/// The progress of the response of a call.
#[derive(Debug, Default)]
pub(crate) struct CallProgress {
    deadline: Cell<Option<Instant>>,
    /// Whether the body has given a frame to the transport, which has not asked for the next one yet.
    has_frame_to_send: Cell<bool>,
    /// The number of frames that the transport has asked for.
    frames: Cell<u64>,
}

/// Sets the deadline of the call that the current task sends.
pub(crate) fn set_deadline(deadline: Instant) {
    // Without a watchdog, as in unit tests, there is nothing to set.
    let _ = CALL.try_with(|call| call.deadline.set(Some(deadline)));
}

/// Records that the transport has asked for a frame, and whether the body had a frame.
pub(crate) fn observe_frame(has_frame: bool) {
    let _ = CALL.try_with(|call| {
        call.has_frame_to_send.set(has_frame);
        call.frames.set(call.frames.get().wrapping_add(1));
    });
}

/// Records that the transport has the whole response of its call.
pub(crate) fn observe_end() {
    let _ = CALL.try_with(|call| {
        call.has_frame_to_send.set(false);
        call.deadline.set(None);
    });
}

/// The error of a task that the watchdog has cut.
#[derive(Debug, thiserror::Error)]
#[error("the client does not read")]
pub(crate) struct Cut;

/// Runs a task that sends responses. Cuts the task if a response makes no progress for `stall_timeout`, or is not sent
/// [`DEADLINE_GRACE`] after the deadline of its call.
pub(crate) fn watch<F: Future>(future: F, stall_timeout: Duration) -> Watched<F> {
    let watchdog = Watchdog {
        future,
        stall_timeout,
        frames: 0,
        since: None,
        timer: None,
    };
    CALL.scope(CallProgress::default(), watchdog)
}

/// The future of [`watch`].
pub(crate) type Watched<F> = TaskLocalFuture<CallProgress, Watchdog<F>>;

pin_project! {
    /// See [`watch`].
    pub(crate) struct Watchdog<F> {
        #[pin]
        future: F,
        stall_timeout: Duration,
        // The progress at the last check, and its time.
        frames: u64,
        since: Option<Instant>,
        // Created when a transport first waits for its client. Most calls end before that.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future> Future for Watchdog<F> {
    type Output = Result<F::Output, Cut>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let (has_frame, frames, deadline) = CALL.with(|call| {
            (
                call.has_frame_to_send.get(),
                call.frames.get(),
                call.deadline.get(),
            )
        });
        if !has_frame {
            *this.since = None;
            return Poll::Pending;
        }
        if *this.frames != frames {
            *this.frames = frames;
            *this.since = None;
        }
        let since = *this.since.get_or_insert_with(Instant::now);
        let stalled = since + *this.stall_timeout;
        let end = deadline.map_or(stalled, |deadline| stalled.min(deadline + DEADLINE_GRACE));
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        // Keeps a timer that fires too early, because a reset for each frame would cost more than a check.
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(Err(Cut));
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

/// The number of streams that an HTTP/2 connection has started and ended.
#[derive(Debug, Default)]
pub(crate) struct StreamCounts {
    started: AtomicU64,
    ended: AtomicU64,
}

impl StreamCounts {
    /// Returns the number of streams started so far, or `None` if a stream is open.
    pub(crate) fn if_idle(&self) -> Option<u64> {
        let started = self.started.load(Ordering::Relaxed);
        (self.ended.load(Ordering::Relaxed) == started).then_some(started)
    }
}

/// The executor of an HTTP/2 connection: runs each stream under a watchdog, and counts the streams.
#[derive(Debug, Clone)]
pub(crate) struct StreamExecutor {
    pub(crate) stall_timeout: Duration,
    pub(crate) counts: Arc<StreamCounts>,
}

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.counts.started.fetch_add(1, Ordering::Relaxed);
        let counted = Counted {
            stream: watch(stream, self.stall_timeout),
            _open: OpenStream(self.counts.clone()),
        };
        tokio::spawn(counted);
    }
}

/// Counts the end of a stream when dropped.
struct OpenStream(Arc<StreamCounts>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

pin_project! {
    struct Counted<F> {
        #[pin]
        stream: F,
        _open: OpenStream,
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // hyper resets a stream that is cut, because its sender is dropped.
        self.project().stream.poll(cx).map(drop)
    }
}
