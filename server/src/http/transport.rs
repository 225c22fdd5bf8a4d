//! The transports of calls.

/// The protocol that carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Grpc,
    GrpcWeb,
    WebSocket,
}

impl Transport {
    /// Every transport, in the order of the enum.
    pub(super) const ALL: [Self; 3] = [Self::Grpc, Self::GrpcWeb, Self::WebSocket];

    /// Returns the name in the access log and in the metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcWeb => "grpc-web",
            Self::WebSocket => "websocket",
        }
    }
}
