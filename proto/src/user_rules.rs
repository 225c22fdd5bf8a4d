//! What makes a user valid. The server refuses what breaks these rules; the page's form says so before it is sent.

use std::str::FromStr as _;

use email_address::{EmailAddress, Options};

use crate::{FieldError, UserType, user::User};

/// The longest nickname, in characters (Unicode scalar values).
pub const NICKNAME_MAX: usize = 64;

/// A user that breaks no rule: the only kind that is stored. Its id may still be 0, "pick one".
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

/// Every rule that `user` breaks, in the order of the fields; empty when it may be stored.
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

/// 1 to [`NICKNAME_MAX`] characters, none of them a control character.
///
/// # Errors
/// The sentence that says what to change.
pub fn check_nickname(nickname: &str) -> Result<(), &'static str> {
    if nickname.is_empty() {
        Err("Enter a nickname.")
    } else {
        check_name(nickname)
    }
}

/// The same for the name of a character on the stage.
///
/// # Errors
/// The sentence that says what to change.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("Enter a name.")
    } else if name.chars().count() > NICKNAME_MAX {
        Err("Use at most 64 characters.")
    } else if name.chars().any(char::is_control) {
        Err("Leave out control characters, such as line breaks and tabs.")
    } else {
        Ok(())
    }
}

/// An addr-spec of RFC 5322 within the lengths of RFC 5321, as `name@host`: no display name, no `[192.0.2.1]`.
///
/// # Errors
/// The sentence that says what to change.
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

/// A type of the enum, other than `NONE`.
///
/// # Errors
/// The sentence that says what to change.
pub fn check_user_type(user_type: i32) -> Result<(), &'static str> {
    match UserType::try_from(user_type) {
        Ok(UserType::None) | Err(_) => Err("Choose NORMAL, ADMINISTRATOR, GUEST or DISABLED."),
        Ok(_) => Ok(()),
    }
}

/// What the text in an id field means: empty lets the server pick (0), otherwise a whole number from 1.
///
/// # Errors
/// The sentence that says what to change.
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
    fn a_user_that_breaks_every_rule_gets_every_field_named() {
        let fields: Vec<_> = check(&user("", "nobody", 0))
            .into_iter()
            .map(|error| error.field)
            .collect();
        assert_eq!(fields, ["nickname", "mail_address", "user_type"]);
        assert_eq!(check(&user("foo", "foo@example.com", 1)), []);
    }

    #[test]
    fn nicknames_are_counted_in_characters_not_bytes() {
        assert_eq!(check_nickname(&"猿".repeat(NICKNAME_MAX)), Ok(()));
        assert!(check_nickname(&"猿".repeat(NICKNAME_MAX + 1)).is_err());
        assert!(check_nickname("a\tb").is_err());
        assert!(check_nickname("a\u{85}b").is_err());
        assert!(check_nickname("").is_err());
    }

    #[test]
    fn mail_addresses_are_bare_and_complete() {
        for good in [
            "a@b.example",
            "first.last+tag@example.com",
            "root@localhost",
            "猿@例え.example",
        ] {
            assert_eq!(check_mail_address(good), Ok(()), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
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
            assert!(check_mail_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn types_outside_the_enum_are_refused() {
        assert!(check_user_type(0).is_err());
        assert!(check_user_type(5).is_err());
        assert!(check_user_type(-1).is_err());
        assert_eq!(check_user_type(4), Ok(()));
    }

    #[test]
    fn an_empty_id_lets_the_server_pick() {
        assert_eq!(parse_id(" "), Ok(0));
        assert_eq!(parse_id(" 7 "), Ok(7));
        for bad in ["0", "-1", "1.5", "seven", "4294967296"] {
            assert!(parse_id(bad).is_err(), "{bad}");
        }
    }
}
