//! Text that a terminal prints and does not interpret.

use std::fmt::{self, Display, Write as _};

/// Text with control characters and bidirectional controls as `\u001b`, the notation of JSON. A terminal would interpret the
/// characters themselves: text from a server could clear the screen or forge a line.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escape(f), "{}", self.0)
    }
}

/// Passes text on, escaped.
struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escape<'_, '_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while let Some((at, character)) = text.char_indices().find(|(_, c)| is_interpreted(*c)) {
            let (before, rest) = text.split_at(at);
            write!(self.0, "{before}\\u{:04x}", u32::from(character))?;
            text = &rest[character.len_utf8()..];
        }
        self.0.write_str(text)
    }
}

/// Returns whether a terminal or a reader of lines interprets a character. All such characters have four hexadecimal digits.
fn is_interpreted(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
