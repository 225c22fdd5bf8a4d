//! The headers of a request.

use http::HeaderMap;

/// Returns the headers to send: gRPC-Web's own, and the request's without those of HTTP/2 and those that a browser
/// sets.
pub(super) fn request_headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !matches!(*name, "te" | "content-type" | "user-agent"))
        .filter_map(|(name, value)| Some((name, value.to_str().ok()?)))
        .chain([
            ("content-type", "application/grpc-web+proto"),
            ("x-grpc-web", "1"),
        ])
}
