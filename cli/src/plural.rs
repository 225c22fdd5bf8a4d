//! Counts with the right plural form.

/// Returns a count with its noun: "1 user", "2 users".
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let texts = [0, 1, 2].map(|count| counted(count, "user"));
        assert_eq!(texts, ["0 users", "1 user", "2 users"]);
    }
}
