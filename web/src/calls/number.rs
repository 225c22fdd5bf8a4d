//! Parsing and formatting of floating-point numbers.

use crate::ui::decimal;

/// Parses a decimal number of at most 15 digits, without an exponent. The standard library's parser would add tables of
/// 10 kB to the page.
pub(super) fn parse_float(text: &str) -> Option<f32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // An `f64` holds 15 digits exactly.
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

/// Formats a number with at most seven decimals, or as `NaN`, `Infinity` or `-Infinity`, as JSON and JavaScript spell
/// them.
pub(super) fn format_float(number: f32) -> String {
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
    fn parsing_agrees_with_the_standard_library() {
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
                parse_float(text).map(f32::to_bits),
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
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_have_no_trailing_zeros() {
        for (number, text) in [
            (0.5, "0.5"),
            (-1.0, "-1"),
            (100.0, "100"),
            (0.1, "0.1"),
            (f32::NAN, "NaN"),
            (f32::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(format_float(number), text);
        }
    }
}
