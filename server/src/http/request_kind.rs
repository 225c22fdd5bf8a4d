//! Classifies requests by their headers and paths.

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Version, header};

use super::grpc;
use super::origin::{OriginRules, Refusal};
use super::upgrade;

/// The kind of a request.
pub(super) enum RequestKind {
    /// Native gRPC.
    Grpc,
    /// gRPC-Web in bytes, of a unary method.
    GrpcWebUnary,
    /// Any other gRPC-Web, with the content type in the spelling that tonic-web knows.
    GrpcWeb(HeaderValue),
    /// A CORS preflight of a browser.
    Preflight,
    /// gRPC over a WebSocket.
    WebSocket,
    /// A request from a page that may not call this server.
    Refused(Refusal),
    /// Native gRPC over HTTP/1.1, where clients do not read trailers.
    GrpcOverHttp1,
    /// A call whose content type is not gRPC with protobuf.
    UnsupportedContent,
    /// A call with another method than `POST`.
    MethodNotAllowed,
    /// `/healthz`, for load balancers.
    Health,
    /// `/metrics`, for Prometheus.
    Metrics,
    /// A file of the page.
    Page,
}

impl RequestKind {
    /// Classifies a request by its headers first and by its path last, and refuses what other sites may not send.
    pub(super) fn of<B>(request: &Request<B>, origins: &OriginRules) -> Self {
        let kind = Self::before_origin_check(request);
        let (headers, authority) = (request.headers(), request.uri().authority());
        let checked = match kind {
            _ if request.version() == Version::HTTP_11 && !has_one_host(headers) => {
                Err(Refusal::NoHost)
            }
            Self::GrpcWebUnary | Self::GrpcWeb(_) | Self::WebSocket => {
                origins.check(headers, authority)
            }
            // A browser sends no `Origin` with a `GET` of the same origin.
            Self::Metrics => origins.check_host(headers, authority).map(drop),
            _ => Ok(()),
        };
        match checked {
            Ok(()) => kind,
            Err(refusal) => Self::Refused(refusal),
        }
    }

    fn before_origin_check<B>(request: &Request<B>) -> Self {
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        // Parameters, such as a charset, do not matter for protobuf.
        let media_type = content_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim();
        let (method, path) = (request.method(), request.uri().path());
        match media_type.to_ascii_lowercase().as_str() {
            other if other.starts_with("application/grpc") && method != Method::POST => {
                Self::MethodNotAllowed
            }
            "application/grpc" | "application/grpc+proto"
                if request.version() == Version::HTTP_2 =>
            {
                Self::Grpc
            }
            "application/grpc" | "application/grpc+proto" => Self::GrpcOverHttp1,
            "application/grpc-web" | "application/grpc-web+proto" if grpc::is_unary(path) => {
                Self::GrpcWebUnary
            }
            "application/grpc-web" | "application/grpc-web+proto" => {
                Self::GrpcWeb(HeaderValue::from_static("application/grpc-web+proto"))
            }
            "application/grpc-web-text" | "application/grpc-web-text+proto" => {
                Self::GrpcWeb(HeaderValue::from_static("application/grpc-web-text+proto"))
            }
            other if other.starts_with("application/grpc") => Self::UnsupportedContent,
            _ if upgrade::is_upgrade(request) => Self::WebSocket,
            _ if is_preflight(request) => Self::Preflight,
            _ if grpc::is_method_path(path) && method == Method::POST => Self::UnsupportedContent,
            _ if grpc::is_method_path(path) => Self::MethodNotAllowed,
            _ if method == Method::GET => match path {
                "/healthz" => Self::Health,
                "/metrics" => Self::Metrics,
                _ => Self::Page,
            },
            _ => Self::Page,
        }
    }
}

/// Returns whether a request has exactly one `Host`, which is valid (RFC 9112, section 3.2).
fn has_one_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let is_valid = |host: &HeaderValue| Authority::try_from(host.as_bytes()).is_ok();
    hosts.next().is_some_and(is_valid) && hosts.next().is_none()
}

fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
