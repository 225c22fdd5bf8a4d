//! The transports of calls.

/// The protocol that carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Grpc,
    GrpcWeb,
    WebSocket,
}

impl Transport {
    /// Returns the name in the access log and in the metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::WebSocket => "websocket",
        }
    }
}
