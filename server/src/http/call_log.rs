//! The access log: one line per call when it ends, and its metrics.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Request};
use soundstage_proto::descriptor::MethodDescriptor;
use tonic::Code;

use super::metrics::{CallIndex, Metrics};
use super::transport::Transport;
use crate::connection::Peer;
use crate::limits;

/// A call in progress. Its drop counts the end of the call and writes the log line.
pub(super) struct CallLog {
    metrics: Arc<Metrics>,
    index: CallIndex,
    status: Option<Code>,
    line: Option<Line>,
}

struct Line {
    method: String,
    transport: Transport,
    peer: Peer,
    start: Instant,
}

impl CallLog {
    /// Counts the start of a call of a method, or of an unknown method, and measures its duration if the access log is
    /// enabled.
    pub(super) fn start<B>(
        request: &Request<B>,
        method: Option<&MethodDescriptor>,
        transport: Transport,
        metrics: Arc<Metrics>,
    ) -> Self {
        let path = request.uri().path();
        let line =
            tracing::enabled!(target: "soundstage::call", tracing::Level::INFO).then(|| Line {
                method: path.chars().take(limits::MAX_LOGGED_PATH).collect(),
                transport,
                peer: Peer::of(request).clone(),
                start: Instant::now(),
            });
        let index = CallIndex::new(method, transport);
        metrics.begin(index);
        Self {
            metrics,
            index,
            status: None,
            line,
        }
    }

    /// Takes the status of the call from its headers or trailers, if they have one.
    pub(super) fn observe(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }

    /// Sets the status of a call whose response is complete without an error.
    pub(super) fn succeed(&mut self) {
        self.status = Some(Code::Ok);
    }

    /// Sets the status of a call that is cut at its deadline.
    pub(super) fn expire(&mut self) {
        self.status = Some(Code::DeadlineExceeded);
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        // A call without a status: the client has disconnected.
        let status = self.status.unwrap_or(Code::Cancelled);
        self.metrics.end(self.index, status);
        if let Some(Line {
            method,
            transport,
            peer,
            start,
        }) = self.line.take()
        {
            let millis = start.elapsed().as_secs_f64() * 1000.0;
            let duration = format_args!("{millis:.3}ms");
            tracing::info!(target: "soundstage::call", method, transport = transport.name(), %peer, ?status, %duration);
        }
    }
}
