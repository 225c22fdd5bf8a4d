//! The rules for a valid user. The server rejects a user that breaks a rule; the page's form checks before sending.

use std::str::FromStr as _;

use email_address::{EmailAddress, Options};

use crate::combining_marks::is_combining_mark;
use crate::{FieldError, UserType, user::User};

/// The longest nickname, in characters (Unicode scalar values).
pub const NICKNAME_MAX: usize = 64;

/// The largest number of combining marks in a row in a name. Vocalised Hebrew and Arabic, Tibetan and decomposed
/// Vietnamese need up to 4.
const MARKS_MAX: usize = 4;

/// A user that breaks no rule. Only valid users are stored. The id may be 0, which lets the store choose.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidUser(User);

impl std::ops::Deref for ValidUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}

impl TryFrom<User> for ValidUser {
    type Error = Vec<FieldError>;

    fn try_from(user: User) -> Result<Self, Self::Error> {
        let errors = check(&user);
        if errors.is_empty() {
            Ok(Self(user))
        } else {
            Err(errors)
        }
    }
}

/// Returns the rules that `user` breaks, in the order of the fields; empty if the user is valid.
fn check(user: &User) -> Vec<FieldError> {
    let checks = [
        ("nickname", check_nickname(&user.nickname)),
        ("mail_address", check_mail_address(&user.mail_address)),
        ("user_type", check_user_type(user.user_type)),
    ];
    let error = |(field, result): (&str, Result<(), &str>)| {
        result
            .err()
            .map(|description| FieldError::new(field, description))
    };
    checks.into_iter().filter_map(error).collect()
}

/// Checks a nickname, by the rules of [`check_name`].
///
/// # Errors
/// Returns a sentence that tells a person what to change.
pub fn check_nickname(nickname: &str) -> Result<(), &'static str> {
    if nickname.is_empty() {
        Err("Enter a nickname.")
    } else {
        check_name(nickname)
    }
}

/// Checks the name of a character on the stage, or a nickname: 1 to [`NICKNAME_MAX`] characters that stay on their line.
///
/// Control characters and line separators are invalid. So are bidirectional controls, which could make the text beside
/// the name appear in another order, and more than [`MARKS_MAX`] combining marks in a row, which would cover the lines
/// above and below. No script needs either, not even a right-to-left script.
///
/// # Errors
/// Returns a sentence that tells a person what to change.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("Enter a name.")
    } else if name.chars().count() > NICKNAME_MAX {
        Err("Use at most 64 characters.")
    } else if name.chars().any(is_line_control) {
        Err("Leave out control characters, such as line breaks and tabs.")
    } else if name.chars().any(is_bidirectional_control) {
        Err("Leave out characters that control the direction of text.")
    } else if has_stacked_marks(name) {
        Err("Use at most 4 combining marks in a row.")
    } else {
        Ok(())
    }
}

/// Returns whether a character is a control character, or the line or paragraph separator.
fn is_line_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Returns whether a character has the property `Bidi_Control` (Unicode Standard Annex 9).
fn is_bidirectional_control(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn has_stacked_marks(name: &str) -> bool {
    let mut marks = 0;
    name.chars().any(|character| {
        marks = if is_combining_mark(character) {
            marks + 1
        } else {
            0
        };
        marks > MARKS_MAX
    })
}

/// Checks a mail address: an addr-spec of RFC 5322 within the lengths of RFC 5321, such as `name@host`, without a
/// display name or an address literal (`[192.0.2.1]`).
///
/// # Errors
/// Returns a sentence that tells a person what to change.
pub fn check_mail_address(mail_address: &str) -> Result<(), &'static str> {
    if mail_address.is_empty() {
        return Err("Enter a mail address.");
    }
    let options = Options::default()
        .without_display_text()
        .without_domain_literal();
    match EmailAddress::parse_with_options(mail_address, options) {
        Ok(_) => Ok(()),
        Err(_) => Err("Enter a mail address such as name@example.com."),
    }
}

/// Checks a user type: a value of the enum other than `NONE`.
///
/// # Errors
/// Returns a sentence that tells a person what to change.
pub fn check_user_type(user_type: i32) -> Result<(), &'static str> {
    match UserType::try_from(user_type) {
        Ok(UserType::None) | Err(_) => Err("Choose NORMAL, ADMINISTRATOR, GUEST or DISABLED."),
        Ok(_) => Ok(()),
    }
}

/// Parses the text of an id field: a whole number from 1, or 0 for an empty text, which lets the server choose.
///
/// # Errors
/// Returns a sentence that tells a person what to change.
pub fn parse_id(text: &str) -> Result<u32, &'static str> {
    match text.trim() {
        "" => Ok(0),
        text => u32::from_str(text)
            .ok()
            .filter(|id| *id > 0)
            .ok_or("Enter a whole number from 1 to 4294967295."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(nickname: &str, mail_address: &str, user_type: i32) -> User {
        User {
            id: 1,
            nickname: nickname.into(),
            mail_address: mail_address.into(),
            user_type,
            ..User::default()
        }
    }

    #[test]
    fn every_invalid_field_of_a_user_is_reported() {
        let fields: Vec<_> = check(&user("", "nobody", 0))
            .into_iter()
            .map(|error| error.field)
            .collect();
        assert_eq!(fields, ["nickname", "mail_address", "user_type"]);
        assert_eq!(check(&user("foo", "foo@example.com", 1)), []);
    }

    #[test]
    fn a_nickname_has_at_most_64_characters_without_control_characters() {
        assert_eq!(check_nickname(&"猿".repeat(NICKNAME_MAX)), Ok(()));
        assert!(check_nickname(&"猿".repeat(NICKNAME_MAX + 1)).is_err());
        assert!(check_nickname("a\tb").is_err());
        assert!(check_nickname("a\u{85}b").is_err());
        assert!(check_nickname("").is_err());
    }

    #[test]
    fn a_name_has_no_bidirectional_controls_or_line_separators() {
        for invalid in [
            '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
            '\u{2028}', '\u{2029}',
        ] {
            let name = format!("a{invalid}b");
            assert!(check_name(&name).is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn names_of_every_script_are_valid() {
        for valid in [
            "محمد بن سلمان",
            "مُحَمَّدٌ",
            "שָׁלוֹם",
            "Nguyễn",
            "Nguye\u{302}\u{303}n",
            "हिन्दी",
            "สวัสดี",
            "རྐྱེན",
            "👩\u{200d}❤\u{fe0f}\u{200d}👩",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "5\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
        ] {
            assert_eq!(check_name(valid), Ok(()), "{valid}");
        }
    }

    #[test]
    fn a_name_has_at_most_4_combining_marks_in_a_row() {
        for mark in [
            "\u{301}", "\u{5b0}", "\u{64b}", "\u{e47}", "\u{20dd}", "\u{fe0f}",
        ] {
            let name = |count| format!("a{0}b{0}", mark.repeat(count));
            assert_eq!(check_name(&name(4)), Ok(()), "{mark:?}");
            assert!(check_name(&name(5)).is_err(), "{mark:?}");
        }
    }

    #[test]
    fn a_mail_address_is_a_bare_addr_spec() {
        for valid in [
            "a@b.example",
            "first.last+tag@example.com",
            "root@localhost",
            "猿@例え.example",
        ] {
            assert_eq!(check_mail_address(valid), Ok(()), "{valid}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for invalid in [
            "",
            "nobody",
            "@example.com",
            "a@",
            "a b@example.com",
            "A <a@b.example>",
            "a@[192.0.2.1]",
            "a@b@c",
            &long,
        ] {
            assert!(check_mail_address(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_type_outside_the_enum_is_rejected() {
        assert!(check_user_type(0).is_err());
        assert!(check_user_type(5).is_err());
        assert!(check_user_type(-1).is_err());
        assert_eq!(check_user_type(4), Ok(()));
    }

    #[test]
    fn an_empty_id_lets_the_server_choose() {
        assert_eq!(parse_id(" "), Ok(0));
        assert_eq!(parse_id(" 7 "), Ok(7));
        for invalid in ["0", "-1", "1.5", "seven", "4294967296"] {
            assert!(parse_id(invalid).is_err(), "{invalid}");
        }
    }
}
