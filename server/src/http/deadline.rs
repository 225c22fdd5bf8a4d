//! The `grpc-timeout` header ("gRPC over HTTP2", section "Requests": `TimeoutValue TimeoutUnit`).

use std::time::Duration;

use http::HeaderMap;

/// Returns the timeout of a call, or `None` if the client sets none.
///
/// # Errors
/// If the header is not 1 to 8 digits and one of the units `H`, `M`, `S`, `m`, `u`, `n`.
pub(super) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
    let Some(value) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Malformed)?;
    let (digits, unit) = value
        .split_at_checked(value.len().saturating_sub(1))
        .ok_or(Malformed)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    let amount: u64 = digits.parse().map_err(|_| Malformed)?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(amount * 60 * 60),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return Err(Malformed),
    }))
}

/// The error for a `grpc-timeout` header that breaks the format.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn parse(value: &str) -> Result<Option<Duration>, Malformed> {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
        timeout(&HeaderMap::from_iter([(
            HeaderName::from_static("grpc-timeout"),
            value,
        )]))
    }

    #[test]
    fn every_unit_is_parsed() {
        assert_eq!(timeout(&HeaderMap::new()), Ok(None));
        assert_eq!(parse("2H"), Ok(Some(Duration::from_hours(2))));
        assert_eq!(parse("3M"), Ok(Some(Duration::from_mins(3))));
        assert_eq!(parse("4S"), Ok(Some(Duration::from_secs(4))));
        assert_eq!(parse("100m"), Ok(Some(Duration::from_millis(100))));
        assert_eq!(
            parse("99999999u"),
            Ok(Some(Duration::from_micros(99_999_999)))
        );
        assert_eq!(parse("0n"), Ok(Some(Duration::ZERO)));
        assert_eq!(
            parse("99999999H"),
            Ok(Some(Duration::from_hours(99_999_999)))
        );
    }

    #[test]
    fn malformed_timeouts_are_refused() {
        for bad in [
            "",
            "S",
            "100",
            "-1S",
            "+1S",
            "1.5S",
            "123456789n",
            "10 S",
            "1s",
            "１S",
        ] {
            assert_eq!(parse(bad), Err(Malformed), "{bad}");
        }
    }
}
