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
    let value = value.to_str().map_err(|_| NOT_A_NUMBER)?;
    let (digits, unit) = value
        .split_at_checked(value.len().saturating_sub(1))
        .ok_or(NO_UNIT)?;
    if !["H", "M", "S", "m", "u", "n"].contains(&unit) {
        return Err(NO_UNIT);
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NOT_A_NUMBER);
    }
    if digits.len() > 8 {
        return Err(TOO_MANY_DIGITS);
    }
    let amount: u64 = digits.parse().map_err(|_| NOT_A_NUMBER)?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(amount * 60 * 60),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        _ => Duration::from_nanos(amount),
    }))
}

/// The error for a `grpc-timeout` header that breaks the format, with the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

const NO_UNIT: Malformed = Malformed("it must end with a unit: H, M, S, m, u or n");
const NOT_A_NUMBER: Malformed =
    Malformed("it must begin with a whole number, without a sign or a fraction");
const TOO_MANY_DIGITS: Malformed =
    Malformed("its number may have at most 8 digits; use a larger unit");

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
        for (bad, error) in [
            ("", NO_UNIT),
            ("100", NO_UNIT),
            ("1s", NO_UNIT),
            ("S", NOT_A_NUMBER),
            ("-1S", NOT_A_NUMBER),
            ("+1S", NOT_A_NUMBER),
            ("1.5S", NOT_A_NUMBER),
            ("10 S", NOT_A_NUMBER),
            ("１S", NOT_A_NUMBER),
            ("123456789n", TOO_MANY_DIGITS),
        ] {
            assert_eq!(parse(bad), Err(error), "{bad}");
        }
    }
}
