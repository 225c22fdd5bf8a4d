//! Supervises every call: a call ends at its deadline or when the server stops, and has a status even if its handler
//! panics. tonic's own deadline covers only the time until the response headers, so a stream could outlive it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;
use tower::Service;

use super::call_log::CallLog;
use super::codec::{BodyError, Codec, Messages};
use super::deadline;
use super::grpc::{self, GrpcServices, HandlerFuture};
use super::metrics::Metrics;
use super::transport::Transport;
use crate::lifecycle::{Lifecycle, stopping};
use crate::limits::MAX_DEADLINE;
use crate::watchdog;

/// The state that all calls share.
pub(super) struct Shared {
    pub(super) services: Arc<GrpcServices>,
    pub(super) lifecycle: Lifecycle,
    pub(super) metrics: Arc<Metrics>,
}

/// The gRPC services with supervision.
#[derive(Clone)]
pub(super) struct Supervised {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Transport,
    pub(super) codec: Codec,
}

impl<B> Service<Request<B>> for Supervised
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = CallFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.clone().serve(request)
    }
}

/// The response of a call.
pub(super) type CallFuture =
    Pin<Box<dyn Future<Output = Result<Response<CallBody>, Infallible>> + Send>>;

impl Supervised {
    /// Starts a call.
    pub(super) fn serve<B>(self, request: Request<B>) -> CallFuture
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        let method = grpc::method_at(request.uri().path());
        let metrics = self.shared.metrics.clone();
        let log = CallLog::start(&request, method, self.transport, metrics);
        let timeout = deadline::timeout(request.headers());
        let services = self.shared.services.clone();
        let handler = services.call(self.codec, method, request);
        Box::pin(async move { Ok(self.supervise(timeout, handler, log).await) })
    }

    async fn supervise(
        self,
        timeout: Result<Option<Duration>, deadline::Malformed>,
        handler: HandlerFuture,
        log: CallLog,
    ) -> Response<CallBody> {
        let (response, deadline) = match timeout {
            Err(deadline::Malformed(reason)) => {
                let sentence = format!("the grpc-timeout header is malformed: {reason}");
                (self.codec.refuse(Status::invalid_argument(sentence)), None)
            }
            Ok(timeout) => {
                let deadline = timeout.map(deadline_after);
                if let Some(deadline) = deadline {
                    watchdog::set_deadline(deadline);
                }
                (self.respond(deadline, handler).await, deadline)
            }
        };
        let (parts, messages) = response.into_parts();
        let mut call = CallBody {
            messages: Some(messages),
            frames: 0,
            deadline: deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline))),
            draining: None,
            shared: self.shared,
            log,
        };
        call.log.observe(&parts.headers);
        Response::from_parts(parts, call)
    }

    /// Runs the handler until it returns a response, the deadline passes, or the drain ends the call.
    async fn respond(
        &self,
        deadline: Option<Instant>,
        handler: HandlerFuture,
    ) -> Response<Messages> {
        let handler = AssertUnwindSafe(handler).catch_unwind();
        let expired = async {
            match deadline {
                // The timer rounds up to milliseconds, so a deadline in the past needs a check of its own.
                Some(deadline) if deadline <= Instant::now() => {}
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = expired => self.codec.refuse(deadline_exceeded()),
            response = handler => response.unwrap_or_else(|_| self.codec.refuse(panicked())),
            () = self.shared.lifecycle.closing.cancelled() => self.codec.refuse(stopping()),
        }
    }
}

/// Returns the deadline of a call that starts now.
fn deadline_after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_DEADLINE)
}

/// The messages and trailers of a response, under supervision.
pub(crate) struct CallBody {
    /// The handler's messages. `None` once the call has ended.
    messages: Option<Messages>,
    /// The number of data frames sent.
    frames: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Created when the handler is first pending. Most calls end before that.
    draining: Option<DrainWait>,
    shared: Arc<Shared>,
    log: CallLog,
}

/// Wakes the task of a call when the server drains.
struct DrainWait {
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The waker of the last poll. Polling again for the same task would only take the lock of all waiting calls.
    waker: Waker,
}

impl CallBody {
    /// Returns the status that ends the call now, even if the handler has another frame.
    fn interrupt(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Some(deadline_exceeded());
        }
        // A response of one message is one data frame and its trailers. The drain does not separate them.
        (self.frames > 1 && self.shared.lifecycle.is_draining()).then(stopping)
    }

    /// Returns the status that ends a call whose handler is pending, once the server drains.
    fn interrupt_while_pending(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        let lifecycle = &self.shared.lifecycle;
        if lifecycle.is_draining() {
            return Some(stopping());
        }
        let waits = |wait: &DrainWait| wait.waker.will_wake(cx.waker());
        if self.draining.as_ref().is_some_and(waits) {
            return None;
        }
        let wait = self.draining.get_or_insert_with(|| DrainWait {
            draining: Box::pin(lifecycle.draining.clone().cancelled_owned()),
            waker: cx.waker().clone(),
        });
        wait.waker.clone_from(cx.waker());
        wait.draining.as_mut().poll(cx).is_ready().then(stopping)
    }

    /// Returns the next frame of a stream, or the trailers of the status that ends the stream now.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(status) = self.interrupt(cx) {
            return Poll::Ready(Some(Ok(self.end(&status))));
        }
        let Some(Messages::Stream(body)) = &mut self.messages else {
            return Poll::Ready(None);
        };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))) {
            Err(_) => Poll::Ready(Some(Ok(self.end(&panicked())))),
            Ok(Poll::Pending) => match self.interrupt_while_pending(cx) {
                Some(status) => Poll::Ready(Some(Ok(self.end(&status)))),
                None => Poll::Pending,
            },
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.log.observe(trailers);
                    self.messages = None;
                } else {
                    self.frames += 1;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(end)) => {
                self.messages = None;
                Poll::Ready(end)
            }
        }
    }

    /// Ends the call with a status, and drops the handler.
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.messages = None;
        let mut trailers = HeaderMap::with_capacity(3);
        // Only invalid metadata can fail, and these statuses have none.
        let _ = status.add_header(&mut trailers);
        self.log.observe(&trailers);
        Frame::trailers(trailers)
    }
}

impl Drop for CallBody {
    fn drop(&mut self) {
        // The watchdog has dropped a call whose client did not take its status.
        let deadline = self.deadline.as_ref().filter(|_| self.messages.is_some());
        if deadline.is_some_and(|deadline| deadline.deadline() <= Instant::now()) {
            self.log.expire();
        }
    }
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut self.messages {
            None => Poll::Ready(None),
            // The handler is done, and a single message needs no supervision.
            Some(Messages::Single(message)) => {
                let frame = message.next();
                if message.is_end() {
                    self.messages = None;
                    self.log.succeed();
                }
                Poll::Ready(frame.map(Ok))
            }
            Some(Messages::Stream(_)) => self.poll_stream(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.messages
            .as_ref()
            .is_none_or(|messages| match messages {
                Messages::Single(message) => message.is_end(),
                Messages::Stream(body) => body.is_end_stream(),
            })
    }

    fn size_hint(&self) -> SizeHint {
        match &self.messages {
            Some(Messages::Single(message)) => SizeHint::with_exact(message.length()),
            _ => SizeHint::default(),
        }
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}

fn panicked() -> Status {
    Status::internal("the server has a bug, and its log has the details; report it to the operator")
}
