//! One line in the log for each call, when it has ended, and the same in the metrics.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Request};
use tonic::Code;

use super::metrics::{CallLabels, Metrics};
use super::transport::Transport;
use crate::connection::Peer;
use crate::limits;

/// A call in progress; counts its end and writes its line when it is dropped.
pub(super) struct CallLog {
    metrics: Arc<Metrics>,
    labels: CallLabels,
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
    pub(super) fn start<B>(
        request: &Request<B>,
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
        let labels = CallLabels::of(path, transport);
        metrics.begin(labels);
        Self {
            metrics,
            labels,
            status: None,
            line,
        }
    }

    /// Takes the status from headers or trailers, whichever has it.
    pub(super) fn observe(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        // Dropped before there was a status: the client has gone.
        let status = self.status.unwrap_or(Code::Cancelled);
        self.metrics.end(self.labels, status);
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
