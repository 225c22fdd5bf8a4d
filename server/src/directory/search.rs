//! Search: how text is normalized, and the grams by which a store indexes it.
//!
//! A *gram* is a run of one to four consecutive characters of a normalized text. A store indexes every gram of a user.
//! A user that has every gram of a search is a candidate; the text itself decides, since the grams need not be
//! adjacent. Grams of one and two characters are indexed because most Japanese names have two characters.

use soundstage_proto::user::User;
use unicode_normalization::UnicodeNormalization as _;

/// The length of the longest gram, in characters.
const LONGEST_GRAM: usize = 4;

/// The largest number of grams that one search looks up. More grams exclude hardly any candidate.
const MAX_GRAMS: usize = 64;

/// A normalized text to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    text: String,
    id: Option<u32>,
}

impl Search {
    /// Returns the search for a text that a person typed; `None` if the text is blank.
    pub fn new(text: &str) -> Option<Self> {
        let text = normalize(text.trim());
        (!text.is_empty()).then(|| Self {
            id: text.parse().ok(),
            text,
        })
    }

    /// Returns the id that matches too, if the text is a number.
    pub fn id(&self) -> Option<u32> {
        self.id
    }

    /// Returns whether a user matches.
    pub fn matches(&self, user: &User) -> bool {
        self.id == Some(user.id)
            || normalize(&user.nickname).contains(&self.text)
            || normalize(&user.mail_address).contains(&self.text)
    }

    /// Calls `visit` with the grams that a candidate must have: at most 64, each of four characters, or the whole text
    /// if it is shorter.
    pub fn for_each_gram(&self, mut visit: impl FnMut(&str)) {
        let length = self.text.chars().count().min(LONGEST_GRAM);
        let mut left = MAX_GRAMS;
        for_each_run(&self.text, length, |gram| {
            if left > 0 {
                left -= 1;
                visit(gram);
            }
        });
    }
}

/// Calls `visit` with each gram of a user's nickname and mail address. Grams may repeat.
pub fn for_each_gram(user: &User, mut visit: impl FnMut(&str)) {
    for text in [&user.nickname, &user.mail_address] {
        let text = normalize(text);
        for length in 1..=LONGEST_GRAM {
            for_each_run(&text, length, &mut visit);
        }
    }
}

/// Removes the differences that readers ignore: letter case, full and half width, composed and decomposed marks.
fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// Calls `visit` with each run of `length` characters.
fn for_each_run(text: &str, length: usize, mut visit: impl FnMut(&str)) {
    let ends = text.char_indices().map(|(start, _)| start);
    let ends: Vec<usize> = ends.chain([text.len()]).collect();
    for run in ends.windows(length + 1) {
        visit(&text[run[0]..run[length]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(search: &str, nickname: &str) -> bool {
        let user = User {
            id: 7,
            nickname: nickname.into(),
            ..User::default()
        };
        Search::new(search).expect("a search").matches(&user)
    }

    #[test]
    fn letter_case_width_and_composition_make_no_difference() {
        assert!(matches("ZAR", "Lazarus"));
        assert!(matches("été", "L\u{c9}TE\u{301} \u{c9}T\u{c9}"));
        assert!(matches("e\u{301}", "\u{c9}ric"));
        assert!(matches("ﾀﾅｶ", "タナカ"));
        assert!(matches("ａｂｃ", "xABCx"));
        assert!(matches("田中", "山田中村"));
        assert!(!matches("田村", "山田中村"));
        assert!(matches(" 7 ", "other"), "a number matches the id");
        assert!(matches("０７", "Agent 07"));
    }

    #[test]
    fn a_blank_text_is_no_search() {
        assert_eq!(Search::new(" \t"), None);
    }

    #[test]
    fn a_search_has_grams_of_its_own_length_and_of_at_most_four_characters() {
        let grams = |text| {
            let mut grams = Vec::new();
            let search = Search::new(text).expect("a search");
            search.for_each_gram(|gram| grams.push(gram.to_owned()));
            grams
        };
        assert_eq!(grams("A"), ["a"]);
        assert_eq!(grams("田中"), ["田中"]);
        assert_eq!(grams("abcde"), ["abcd", "bcde"]);
        assert_eq!(grams(&"x".repeat(500)).len(), MAX_GRAMS);
    }

    #[test]
    fn a_user_has_every_gram_of_every_length() {
        let user = User {
            nickname: "田中A".into(),
            ..User::default()
        };
        let mut grams = Vec::new();
        for_each_gram(&user, |gram| grams.push(gram.to_owned()));
        assert_eq!(grams, ["田", "中", "a", "田中", "中a", "田中a"]);
    }
}
