//! Which pages a browser may let call this server. A page elsewhere must neither read our answers nor open a WebSocket,
//! which browsers allow to any page unless the server looks at `Origin` itself; nor may it reach us under a name of its
//! own that it has pointed at our address (DNS rebinding).

use std::net::IpAddr;
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::settings::Settings;

/// How long a browser may keep the answer to its question whether it may call. Browsers keep it two hours at most.
const PREFLIGHT_LIFE: Duration = Duration::from_hours(2);

/// The rules for requests that browsers send.
#[derive(Debug, Clone)]
pub(super) struct OriginRules {
    origins: Vec<String>,
    hosts: Vec<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It comes from a page elsewhere.
    Origin,
    /// It came under a name that is not ours.
    Host,
}

impl OriginRules {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            origins: settings.allowed_origins.clone(),
            hosts: settings.allowed_hosts.clone(),
        }
    }

    /// What browsers are told of the pages elsewhere that may call (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
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
            // Metadata has names of its own.
            .allow_headers(AllowHeaders::mirror_request())
            // The status of a call without messages stands in the headers.
            .expose_headers(exposed)
            .max_age(PREFLIGHT_LIFE)
    }

    /// Looks at a request. One without an `Origin` comes from no page.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        authority: Option<&Authority>,
    ) -> Result<(), Refusal> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host
            .or(authority.map(Authority::as_str))
            .unwrap_or_default();
        if !self.is_ours(host) {
            return Err(Refusal::Host);
        }
        let is_same = origin
            .split_once("://")
            .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host));
        let is_allowed = || {
            self.origins
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin))
        };
        if is_same || is_allowed() {
            Ok(())
        } else {
            Err(Refusal::Origin)
        }
    }

    /// An address cannot be pointed elsewhere; a name can.
    fn is_ours(&self, host: &str) -> bool {
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
    fn our_own_page_and_allowed_ones_pass() {
        assert_eq!(check("", "anything"), Ok(()));
        assert_eq!(check("http://127.0.0.1:1234", "127.0.0.1:1234"), Ok(()));
        assert_eq!(check("http://[::1]:1234", "[::1]:1234"), Ok(()));
        assert_eq!(check("http://localhost:1234", "localhost:1234"), Ok(()));
        assert_eq!(check("https://stage.example", "stage.example"), Ok(()));
        assert_eq!(check("https://friend.example", "127.0.0.1:1234"), Ok(()));
    }

    #[test]
    fn pages_elsewhere_are_refused() {
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
    fn a_name_that_was_pointed_at_us_is_refused() {
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
