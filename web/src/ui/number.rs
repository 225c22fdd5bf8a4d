//! Numbers with a fixed number of decimals, and lengths.

/// Formats a number with this many decimals. In the browser, JavaScript formats the number, which
/// keeps the standard library's formatter out of the download.
pub(crate) fn decimal(value: f64, digits: u8) -> String {
    if cfg!(target_arch = "wasm32") {
        let number = js_sys::Number::from(value).to_fixed(digits);
        // The browser accepts up to 100 decimals.
        number.map(String::from).unwrap_or_default()
    } else {
        format!("{value:.*}", usize::from(digits))
    }
}

/// Formats a number like [`decimal`], with a typographic minus sign, and no sign before a zero.
pub(crate) fn fixed(value: f64, digits: u8) -> String {
    let text = decimal(value, digits);
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        Some(positive) => format!("\u{2212}{positive}"),
        None => text,
    }
}

/// Formats a length in CSS pixels.
pub(crate) fn pixels(length: f64) -> String {
    decimal(length, 2) + "px"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_numbers_have_a_minus_sign_and_zero_has_none() {
        assert_eq!(fixed(-1.005, 1), "\u{2212}1.0");
        assert_eq!(fixed(-0.004, 2), "0.00");
        assert_eq!(fixed(12.345, 0), "12");
    }
}
