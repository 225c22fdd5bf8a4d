//! Decides which pages may call this server from a browser.
//!
//! A page on another site must not read responses. It must not open a WebSocket: browsers let any page do so, and leave
//! the check of `Origin` to the server. It must not reach the server by a host name of its own that resolves to the
//! server's address (DNS rebinding).

use std::net::IpAddr;
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::settings::Settings;

/// The time for which a browser may cache a preflight response. Chromium caches it for at most two hours.
const PREFLIGHT_LIFE: Duration = Duration::from_hours(2);

/// The allowed origins and host names.
#[derive(Debug, Clone)]
pub(super) struct OriginRules {
    origins: Vec<String>,
    hosts: Vec<String>,
}

/// The reason why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The calling page is on another site.
    Origin,
    /// The request names a host that is not this server.
    Host,
    /// The request names no host, or several.
    NoHost,
}

impl OriginRules {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            origins: settings.allowed_origins.clone(),
            hosts: settings.allowed_hosts.clone(),
        }
    }

    /// Returns the layer that adds the CORS headers (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
    pub(super) fn cors(&self) -> CorsLayer {
        let origins = self
            .origins
            .iter()
            .filter_map(|origin| HeaderValue::from_str(origin).ok());
        let exposed =
            ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::POST])
            // The names of gRPC metadata are not known in advance.
            .allow_headers(AllowHeaders::mirror_request())
            // A trailers-only response has its status in the headers.
            .expose_headers(exposed)
            .max_age(PREFLIGHT_LIFE)
    }

    /// Checks a request. A request without an `Origin` header does not come from a page.
    ///
    /// # Errors
    /// If the host is not this server, or the origin is another site that is not allowed.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        authority: Option<&Authority>,
    ) -> Result<(), Refusal> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let host = self.check_host(headers, authority)?;
        let is_allowed = || {
            self.origins
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin))
        };
        if is_same(origin, host) || is_allowed() {
            Ok(())
        } else {
            Err(Refusal::Origin)
        }
    }

    /// Checks that a request names this server, and returns the name.
    ///
    /// # Errors
    /// If the host is not this server.
    pub(super) fn check_host<'a>(
        &self,
        headers: &'a HeaderMap,
        authority: Option<&'a Authority>,
    ) -> Result<&'a str, Refusal> {
        let host = host(headers, authority);
        if self.is_own_host(host) {
            Ok(host)
        } else {
            Err(Refusal::Host)
        }
    }

    /// Returns whether a `Host` names this server. An IP address always does: DNS rebinding needs a name.
    fn is_own_host(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || address.parse::<IpAddr>().is_ok()
            || self
                .hosts
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// Returns whether a page of another origin has sent a request. Its response needs the CORS headers.
pub(super) fn is_cross_origin<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        !is_same(origin, host(headers, request.uri().authority()))
    })
}

/// Returns the host that a request names, or an empty text.
fn host<'a>(headers: &'a HeaderMap, authority: Option<&'a Authority>) -> &'a str {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.or(authority.map(Authority::as_str))
        .unwrap_or_default()
}

/// Returns whether an origin is that of a host. The schemes are not compared: a proxy in front may add TLS.
fn is_same(origin: &str, host: &str) -> bool {
    origin
        .split_once("://")
        .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str, host: &str) -> Result<(), Refusal> {
        let settings = Settings {
            allowed_origins: vec!["https://friend.example".into()],
            allowed_hosts: vec!["stage.example".into()],
            ..Settings::default()
        };
        let mut headers = HeaderMap::new();
        if !origin.is_empty() {
            headers.insert(header::ORIGIN, origin.parse().expect("a header"));
        }
        headers.insert(header::HOST, host.parse().expect("a header"));
        OriginRules::new(&settings).check(&headers, None)
    }

    #[test]
    fn the_own_page_and_allowed_origins_pass() {
        assert_eq!(check("", "anything"), Ok(()));
        assert_eq!(check("http://127.0.0.1:1234", "127.0.0.1:1234"), Ok(()));
        assert_eq!(check("http://[::1]:1234", "[::1]:1234"), Ok(()));
        assert_eq!(check("http://localhost:1234", "localhost:1234"), Ok(()));
        assert_eq!(check("https://stage.example", "stage.example"), Ok(()));
        assert_eq!(check("https://friend.example", "127.0.0.1:1234"), Ok(()));
    }

    #[test]
    fn pages_on_other_sites_are_refused() {
        for origin in [
            "http://evil.example",
            "http://127.0.0.1:99",
            "null",
            "https://friend.example.evil.example",
        ] {
            assert_eq!(
                check(origin, "127.0.0.1:1234"),
                Err(Refusal::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_foreign_host_name_is_refused() {
        assert_eq!(
            check("http://evil.example:1234", "evil.example:1234"),
            Err(Refusal::Host)
        );
        assert_eq!(
            check(
                "http://stage.example.evil.example",
                "stage.example.evil.example"
            ),
            Err(Refusal::Host)
        );
    }
}
