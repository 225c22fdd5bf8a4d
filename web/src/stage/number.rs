//! Numbers as people read them.

/// A number with this many digits behind the point, a real minus sign, and no sign before a zero.
pub(super) fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        Some(positive) => format!("\u{2212}{positive}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_is_a_real_sign_and_zero_has_none() {
        assert_eq!(fixed(-1.005, 1), "\u{2212}1.0");
        assert_eq!(fixed(-0.004, 2), "0.00");
        assert_eq!(fixed(12.345, 0), "12");
    }
}
