//! One line in the log for each call, when it has ended.

use std::net::SocketAddr;
use std::time::Instant;

use http::HeaderMap;
use tonic::Code;

/// How a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Grpc,
    GrpcWeb,
    WebSocket,
}

impl Transport {
    const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::WebSocket => "websocket",
        }
    }
}

/// A call in progress; writes its line when it is dropped.
pub(super) struct CallLog {
    line: Option<Line>,
}

struct Line {
    method: String,
    transport: Transport,
    peer: SocketAddr,
    start: Instant,
    status: Option<Code>,
}

impl CallLog {
    pub(super) fn start(path: &str, transport: Transport, peer: SocketAddr) -> Self {
        let line =
            tracing::enabled!(target: "soundstage::call", tracing::Level::INFO).then(|| Line {
                // The longest method has 30 characters; an attacker's path must not fill the log.
                method: path.chars().take(100).collect(),
                transport,
                peer,
                start: Instant::now(),
                status: None,
            });
        Self { line }
    }

    /// Takes the status from headers or trailers, whichever has it.
    pub(super) fn observe(&mut self, headers: &HeaderMap) {
        if let (Some(line), Some(status)) = (&mut self.line, headers.get("grpc-status")) {
            line.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }
}

impl Drop for CallLog {
    fn drop(&mut self) {
        if let Some(Line {
            method,
            transport,
            peer,
            start,
            status,
        }) = self.line.take()
        {
            // Dropped before there was a status: the client has gone.
            let status = status.unwrap_or(Code::Cancelled);
            let millis = start.elapsed().as_secs_f64() * 1000.0;
            let duration = format_args!("{millis:.3}ms");
            tracing::info!(target: "soundstage::call", method, transport = transport.name(), %peer, ?status, %duration);
        }
    }
}
