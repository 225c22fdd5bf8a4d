//! Searching: how text is folded, and the index of its parts.
//!
//! The index is SQLite's FTS5, which is given *grams*: every run of one to four characters of the folded text, as
//! words, and the user's type. Its own trigram tokenizer finds nothing for fewer than three characters, and most Japanese
//! names are written with two. That all grams of a search stand in a user makes it a candidate; only the text itself says whether they
//! stand there in a row.

use rusqlite::{Connection, params};
use soundstage_proto::user::User;
use unicode_normalization::UnicodeNormalization as _;

/// The longest run of characters that the index knows.
const LONGEST_GRAM: usize = 4;

/// Grams of a search that are looked up; with so many, further ones exclude hardly anybody.
const MAX_GRAMS: usize = 64;

/// A text to search for, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    text: String,
    id: Option<u32>,
}

impl Search {
    /// What somebody has typed; `None` if that is nothing to search for.
    pub fn new(text: &str) -> Option<Self> {
        let text = fold(text.trim());
        (!text.is_empty()).then(|| Self {
            id: text.parse().ok(),
            text,
        })
    }

    /// The user who is found by id, whatever its names are.
    pub(super) fn id(&self) -> Option<u32> {
        self.id
    }

    pub(super) fn matches(&self, user: &User) -> bool {
        self.id == Some(user.id)
            || fold(&user.nickname).contains(&self.text)
            || fold(&user.mail_address).contains(&self.text)
    }

    /// The candidates among users of these types, or of any, as an FTS5 query.
    pub(super) fn expression(&self, user_types: &[i32]) -> String {
        let length = self.text.chars().count().min(LONGEST_GRAM);
        let mut words = String::new();
        append_grams(&self.text, length, &mut words);
        let words: Vec<_> = words.split_whitespace().take(MAX_GRAMS).collect();
        let all = words.join(" AND ");
        if user_types.is_empty() {
            return all;
        }
        let types: Vec<_> = user_types.iter().map(|number| type_word(*number)).collect();
        format!("{all} AND ({})", types.join(" OR "))
    }
}

/// Takes a user into the index, which must not have it.
pub(super) fn insert(connection: &Connection, user: &User) -> rusqlite::Result<()> {
    let mut words = type_word(user.user_type);
    words.push(' ');
    for text in [&user.nickname, &user.mail_address] {
        let text = fold(text);
        for length in 1..=LONGEST_GRAM {
            append_grams(&text, length, &mut words);
        }
    }
    connection
        .prepare_cached("INSERT INTO user_search (rowid, grams) VALUES (?1, ?2)")?
        .execute(params![user.id, words])?;
    Ok(())
}

/// Takes a user out of the index.
pub(super) fn remove(connection: &Connection, id: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM user_search WHERE rowid = ?1")?
        .execute([id])?;
    Ok(())
}

/// One form for what a reader takes for the same: letter case, full and half width, composed and decomposed marks.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// The word of all users of a type; no gram has a `t` in it.
fn type_word(number: i32) -> String {
    format!("t{number}")
}

/// Each run of `length` characters as a word: in hexadecimal, since the index would cut it at anything but a letter.
fn append_grams(text: &str, length: usize, words: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let starts: Vec<usize> = text
        .char_indices()
        .map(|(start, _)| start)
        .chain([text.len()])
        .collect();
    for window in starts.windows(length + 1) {
        for byte in &text.as_bytes()[window[0]..window[length]] {
            words.push(DIGITS[usize::from(byte >> 4)].into());
            words.push(DIGITS[usize::from(byte & 15)].into());
        }
        words.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(search: &str, nickname: &str) -> bool {
        let user = User {
            id: 7,
            nickname: nickname.into(),
            ..User::default()
        };
        Search::new(search).expect("a search").matches(&user)
    }

    #[test]
    fn letter_case_width_and_composition_make_no_difference() {
        assert!(finds("ZAR", "Lazarus"));
        assert!(finds("été", "L\u{c9}TE\u{301} \u{c9}T\u{c9}"));
        assert!(finds("e\u{301}", "\u{c9}ric"));
        assert!(finds("ﾀﾅｶ", "タナカ"));
        assert!(finds("ａｂｃ", "xABCx"));
        assert!(finds("田中", "山田中村"));
        assert!(!finds("田村", "山田中村"));
        assert!(finds(" 7 ", "nobody"), "a number is an id as well");
        assert!(finds("０７", "Agent 07"));
    }

    #[test]
    fn nothing_is_no_search() {
        assert_eq!(Search::new(" \t"), None);
    }

    #[test]
    fn short_searches_ask_for_their_own_gram_and_longer_ones_for_all_of_four() {
        let expression = |text| Search::new(text).expect("a search").expression(&[]);
        assert_eq!(expression("A"), "61");
        assert_eq!(expression("ab"), "6162");
        assert_eq!(expression("abcde"), "61626364 AND 62636465");
        assert_eq!(expression("あ"), "e38182");
        let of_types = Search::new("a").expect("a search").expression(&[2, 4]);
        assert_eq!(of_types, "61 AND (t2 OR t4)");
        assert_eq!(
            expression(&"x".repeat(500)).split(" AND ").count(),
            MAX_GRAMS
        );
    }
}
