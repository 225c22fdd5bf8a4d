//! Supervises every call: a call ends at its deadline or when the server stops, and has a status even if its handler
//! panics. tonic's own deadline covers only the time until the response headers, so a stream could outlive it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use soundstage_proto::descriptor::MethodDescriptor;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;
use tonic::body::Body as TonicBody;
use tower::Service;

use super::call_log::CallLog;
use super::deadline;
use super::grpc::{self, GrpcServices, canonical_path};
use super::metrics::Metrics;
use super::request_body::RequestBody;
use super::request_messages::RequestMessages;
use super::transport::Transport;
use crate::lifecycle::{Lifecycle, stopping};
use crate::limits::MAX_DEADLINE;
use crate::watchdog;

/// The gRPC services with supervision, for one call.
pub(super) struct Supervised {
    pub(super) services: Arc<GrpcServices>,
    pub(super) lifecycle: Lifecycle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) transport: Transport,
    pub(super) stall_timeout: Duration,
}

impl<B> Service<Request<B>> for Supervised
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let method = MethodDescriptor::at(&canonical_path(path));
        let takes_one = grpc::takes_one_message(path);
        let log = CallLog::start(&request, method, self.transport, self.metrics.clone());
        let stall_timeout = self.stall_timeout;
        let request = request.map(|body| {
            let body = RequestBody::new(body, takes_one, stall_timeout);
            TonicBody::new(RequestMessages::new(body, takes_one))
        });
        let services = self.services.clone();
        let lifecycle = self.lifecycle.clone();
        Box::pin(async move { Ok(supervise(&services, lifecycle, log, request).await) })
    }
}

async fn supervise(
    services: &GrpcServices,
    lifecycle: Lifecycle,
    log: CallLog,
    request: Request<TonicBody>,
) -> Response<CallBody> {
    let (response, deadline) = match deadline::timeout(request.headers()) {
        Err(deadline::Malformed(reason)) => {
            let status =
                Status::invalid_argument(format!("the grpc-timeout header is malformed: {reason}"));
            (status.into_http(), None)
        }
        Ok(timeout) => {
            let deadline = timeout.map(deadline_after);
            if let Some(deadline) = deadline {
                watchdog::set_deadline(deadline);
            }
            (
                respond(services, &lifecycle, deadline, request).await,
                deadline,
            )
        }
    };
    let (mut parts, body) = response.into_parts();
    grpc::explain_unknown_method(&mut parts.headers);
    let mut call = CallBody {
        inner: Some(body),
        frames: 0,
        deadline: deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline))),
        draining: None,
        lifecycle,
        log,
    };
    call.log.observe(&parts.headers);
    Response::from_parts(parts, call)
}

/// Returns the deadline of a call that starts now.
fn deadline_after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_DEADLINE)
}

/// Runs the handler until it returns a response, the deadline passes, or the drain ends the call.
async fn respond(
    services: &GrpcServices,
    lifecycle: &Lifecycle,
    deadline: Option<Instant>,
    request: Request<TonicBody>,
) -> Response<TonicBody> {
    let handler = AssertUnwindSafe(services.call(request)).catch_unwind();
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
        () = expired => deadline_exceeded().into_http(),
        response = handler => match response {
            Ok(Ok(response)) => response,
            Err(_) => panicked().into_http(),
        },
        () = lifecycle.closing.cancelled() => stopping().into_http(),
    }
}

/// The messages and trailers of a response, under supervision.
pub(crate) struct CallBody {
    /// The handler's body. `None` once the call has ended.
    inner: Option<TonicBody>,
    /// The number of data frames sent.
    frames: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Created when the handler is first pending. Most calls end before that.
    draining: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    lifecycle: Lifecycle,
    log: CallLog,
}

impl CallBody {
    /// Returns the status that ends the call now, even if the handler has another frame.
    fn interrupt(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Some(deadline_exceeded());
        }
        // A unary response is one data frame and its trailers. The drain does not separate them.
        (self.frames > 1 && self.lifecycle.draining.is_cancelled()).then(stopping)
    }

    /// Returns the status that ends a call whose handler is pending, once the server drains.
    fn interrupt_while_pending(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        let draining = &self.lifecycle.draining;
        let drain = self
            .draining
            .get_or_insert_with(|| Box::pin(draining.clone().cancelled_owned()));
        drain.as_mut().poll(cx).is_ready().then(stopping)
    }

    /// Ends the call with a status, and drops the handler.
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.inner = None;
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
        let deadline = self.deadline.as_ref().filter(|_| self.inner.is_some());
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
        if self.inner.is_none() {
            return Poll::Ready(None);
        }
        if let Some(status) = self.interrupt(cx) {
            return Poll::Ready(Some(Ok(self.end(&status))));
        }
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))) {
            Err(_) => Poll::Ready(Some(Ok(self.end(&panicked())))),
            Ok(Poll::Pending) => match self.interrupt_while_pending(cx) {
                Some(status) => Poll::Ready(Some(Ok(self.end(&status)))),
                None => Poll::Pending,
            },
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.log.observe(trailers);
                    self.inner = None;
                } else {
                    self.frames += 1;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(end)) => {
                self.inner = None;
                Poll::Ready(end)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}

fn panicked() -> Status {
    Status::internal("the server has a bug, and its log has the details; report it to the operator")
}
