//! Numbers as the forms read them and as messages are written.

use crate::ui::decimal;

/// A decimal number, with a point or without. The standard library's parser brings tables of 10 kB along, which serve
/// numbers of more digits than anybody types.
pub(super) fn parse_decimal(text: &str) -> Option<f32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // So many are exact in an `f64`.
    let is_short = whole.len() + fraction.len() <= 15 && !(whole.is_empty() && fraction.is_empty());
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_short || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let number = digits.fold(0.0, |number, digit| number * 10.0 + f64::from(digit - b'0'));
    let divisor = fraction.bytes().fold(1.0, |divisor, _| divisor * 10.0);
    Some((sign * number / divisor) as f32)
}

/// A number to seven digits behind the point, or `NaN`, `Infinity`, `-Infinity` as both notations spell them.
pub(super) fn shortest(number: f32) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into();
    }
    let digits = decimal(number.into(), 7);
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_as_the_standard_library_reads_them() {
        for text in [
            "0",
            "-0",
            "1",
            "-1.5",
            "0.1",
            ".5",
            "5.",
            "3.14159265",
            "999999999999999",
        ] {
            assert_eq!(
                parse_decimal(text).map(f32::to_bits),
                text.parse::<f32>().ok().map(f32::to_bits),
                "{text}"
            );
        }
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "+1",
            "1,5",
            "--1",
            "1.2.3",
            "1234567890.1234567",
        ] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_short_as_they_are() {
        for (number, text) in [
            (0.5, "0.5"),
            (-1.0, "-1"),
            (100.0, "100"),
            (0.1, "0.1"),
            (f32::NAN, "NaN"),
            (f32::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(shortest(number), text);
        }
    }
}
