//! The tokens of `ListUsers`: the last id of the page before, in a form that nobody takes for a number to count with.

const PREFIX: &str = "after-";

/// The token for the page that starts behind `last_id`.
pub(super) fn encode(last_id: u32) -> String {
    format!("{PREFIX}{last_id:08x}")
}

/// The id that the page starts behind; `None` for a token that [`encode`] has not made. Empty is the first page.
pub(super) fn decode(token: &str) -> Option<u32> {
    if token.is_empty() {
        return Some(0);
    }
    let digits = token
        .strip_prefix(PREFIX)
        .filter(|digits| digits.len() == 8 && !digits.starts_with('+'))?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_its_id_and_nothing_else_does() {
        for id in [1, 50, u32::MAX] {
            assert_eq!(decode(&encode(id)), Some(id));
        }
        assert_eq!(decode(""), Some(0));
        for bad in [
            "50",
            "after-",
            "after-123",
            "after-+0000001",
            "after-0000000g",
            "after-000000001",
        ] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
