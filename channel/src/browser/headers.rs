//! The headers of a request.

use http::HeaderMap;

/// Returns the headers of a request on the wire: adds the headers of gRPC-Web, and drops `te` (HTTP/2 only), the
/// caller's `content-type`, and `user-agent` (the browser sets it).
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
