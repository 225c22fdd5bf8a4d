//! Parses the header `grpc-timeout` ("gRPC over HTTP2", section "Requests").

use std::time::Duration;

use http::HeaderMap;

/// Returns the timeout of a call; `None` if the header is missing or malformed. The server rejects a malformed header.
pub(crate) fn of(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (amount, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount: u32 = amount.parse().ok()?;
    let unit = match unit {
        "H" => Duration::from_hours(1),
        "M" => Duration::from_mins(1),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    Some(unit * amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_parsed_as_tonic_formats_it() {
        for millis in [0, 1, 250, 90_000, 100_000_000] {
            let timeout = Duration::from_millis(millis);
            let mut request = tonic::Request::new(());
            request.set_timeout(timeout);
            let headers = request.metadata().clone().into_headers();
            assert_eq!(of(&headers), Some(timeout));
        }
        assert_eq!(of(&HeaderMap::new()), None);
        for malformed in ["", "S", "5", "5s", "x5S"] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-timeout"),
                malformed.parse().expect("a value"),
            )]);
            assert_eq!(of(&headers), None, "{malformed}");
        }
    }
}
