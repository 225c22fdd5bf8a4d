//! What a request wants, by its headers and its path.

use http::{HeaderValue, Method, Request, Version, header};

use super::origin::{OriginRules, Refusal};
use super::upgrade;

/// What a request wants.
pub(super) enum RequestKind {
    /// Native gRPC.
    Grpc,
    /// gRPC-Web, with its content type in the one spelling that tonic-web knows.
    GrpcWeb(HeaderValue),
    /// A browser asks whether a page elsewhere may call.
    Preflight,
    /// gRPC over a WebSocket.
    WebSocket,
    /// A page elsewhere has made a browser send it.
    Refused(Refusal),
    /// Native gRPC without the trailers that it needs.
    GrpcOverHttp1,
    /// Another message format than protobuf.
    UnknownGrpc,
    /// `/healthz`, for load balancers.
    Health,
    /// `/metrics`, for Prometheus and its like.
    Metrics,
    /// A file of the page.
    Page,
}

impl RequestKind {
    /// Looks at content type and headers first and at the path last, so that no route needs to know of another.
    pub(super) fn of<B>(request: &Request<B>, origins: &OriginRules) -> Self {
        let kind = Self::wanted(request);
        if !matches!(kind, Self::GrpcWeb(_) | Self::WebSocket) {
            return kind;
        }
        match origins.check(request.headers(), request.uri().authority()) {
            Ok(()) => kind,
            Err(refusal) => Self::Refused(refusal),
        }
    }

    fn wanted<B>(request: &Request<B>) -> Self {
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        // Parameters, such as a charset, say nothing about protobuf.
        let media_type = content_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/grpc" | "application/grpc+proto"
                if request.version() == Version::HTTP_2 =>
            {
                Self::Grpc
            }
            "application/grpc" | "application/grpc+proto" => Self::GrpcOverHttp1,
            "application/grpc-web" | "application/grpc-web+proto" => {
                Self::GrpcWeb(HeaderValue::from_static("application/grpc-web+proto"))
            }
            "application/grpc-web-text" | "application/grpc-web-text+proto" => {
                Self::GrpcWeb(HeaderValue::from_static("application/grpc-web-text+proto"))
            }
            other if other.starts_with("application/grpc") => Self::UnknownGrpc,
            _ if upgrade::is_wanted(request) => Self::WebSocket,
            _ if is_preflight(request) => Self::Preflight,
            _ if request.method() == Method::GET => match request.uri().path() {
                "/healthz" => Self::Health,
                "/metrics" => Self::Metrics,
                _ => Self::Page,
            },
            _ => Self::Page,
        }
    }
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
