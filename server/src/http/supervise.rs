//! What holds for every call, whatever it does: it ends by its deadline, when the server stops, and with a status even
//! if it panics. tonic's own deadline ends with the response's head and would leave streams running.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::body::Body as TonicBody;
use tonic::{Code, Status};
use tower::Service;

use super::call_log::CallLog;
use super::deadline;
use super::grpc::GrpcServices;
use super::metrics::Metrics;
use super::transport::Transport;
use crate::lifecycle::{Lifecycle, stopping};
use crate::limits::MAX_DEADLINE;

/// The services, for one call.
pub(super) struct Supervised {
    pub(super) services: Arc<GrpcServices>,
    pub(super) lifecycle: Lifecycle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) transport: Transport,
}

impl Service<Request<TonicBody>> for Supervised {
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<TonicBody>) -> Self::Future {
        let log = CallLog::start(&request, self.transport, self.metrics.clone());
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
        Err(deadline::Malformed) => (
            Status::invalid_argument(
                "grpc-timeout: send 1 to 8 digits and one of the units H, M, S, m, u, n",
            )
            .into_http(),
            None,
        ),
        Ok(timeout) => {
            let deadline = timeout.map(deadline_after);
            (
                head(services, &lifecycle, deadline, request).await,
                deadline,
            )
        }
    };
    let (mut parts, body) = response.into_parts();
    say_resource_exhausted(&mut parts.headers);
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

/// An instant that is far enough away to stand for "never" where the timeout is larger than the clock.
fn deadline_after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(MAX_DEADLINE)
}

/// Runs the handler until it has a response to begin with.
async fn head(
    services: &GrpcServices,
    lifecycle: &Lifecycle,
    deadline: Option<Instant>,
    request: Request<TonicBody>,
) -> Response<TonicBody> {
    let handler = AssertUnwindSafe(services.call(request)).catch_unwind();
    let expired = async {
        match deadline {
            // The timer counts in whole milliseconds and would let a call of less through.
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

/// The rest of a call's response.
pub(crate) struct CallBody {
    /// `None` once the trailers are out.
    inner: Option<TonicBody>,
    /// How many frames of data have gone out.
    frames: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Made when the handler first makes us wait: most calls end before.
    draining: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    lifecycle: Lifecycle,
    log: CallLog,
}

impl CallBody {
    /// Why the call must end now, whatever the handler still has.
    fn cut_short(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Some(deadline_exceeded());
        }
        // A unary answer is one frame of data, and then its trailers: it is never cut in two.
        (self.frames > 1 && self.lifecycle.draining.is_cancelled()).then(stopping)
    }

    /// Why the call must end now that the handler has nothing yet.
    fn cut_while_waiting(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        let draining = &self.lifecycle.draining;
        let drained = self
            .draining
            .get_or_insert_with(|| Box::pin(draining.clone().cancelled_owned()));
        drained.as_mut().poll(cx).is_ready().then(stopping)
    }

    /// Ends the call with this status; what the handler held is dropped.
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.inner = None;
        let mut trailers = HeaderMap::with_capacity(3);
        // Only metadata that is no header can fail, and these statuses have none.
        let _ = status.add_header(&mut trailers);
        self.log.observe(&trailers);
        Frame::trailers(trailers)
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
        if let Some(status) = self.cut_short(cx) {
            return Poll::Ready(Some(Ok(self.end(&status))));
        }
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))) {
            Err(_) => Poll::Ready(Some(Ok(self.end(&panicked())))),
            Ok(Poll::Pending) => match self.cut_while_waiting(cx) {
                Some(status) => Poll::Ready(Some(Ok(self.end(&status)))),
                None => Poll::Pending,
            },
            Ok(Poll::Ready(Some(Ok(mut frame)))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    say_resource_exhausted(trailers);
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

/// tonic answers a message over the limit with `OUT_OF_RANGE`, where gRPC's own servers say `RESOURCE_EXHAUSTED`. We
/// never say `OUT_OF_RANGE` ourselves.
fn say_resource_exhausted(headers: &mut HeaderMap) {
    if let Some(status) = headers.get_mut("grpc-status")
        && Code::from_bytes(status.as_bytes()) == Code::OutOfRange
    {
        *status = HeaderValue::from(Code::ResourceExhausted as i32);
    }
}

fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}

fn panicked() -> Status {
    Status::internal("the server has a bug; its log says where")
}
