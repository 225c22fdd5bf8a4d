//! Command lines for a POSIX shell.

/// Joins words to a command line that a shell splits into the same words.
pub(super) fn command_line(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// Returns an option with its value as one or two words. A value that starts with `-` would be read as another option.
pub(super) fn option(name: &str, value: String) -> Vec<String> {
    if value.starts_with('-') {
        vec![format!("{name}={value}")]
    } else {
        vec![name.to_owned(), value]
    }
}

/// Quotes a word if the shell would change it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
