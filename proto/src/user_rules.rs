//! The rules for a valid user. The server rejects a user that breaks a rule; the page's form checks before sending.

use std::str::FromStr as _;

use email_address::{EmailAddress, Options};

use crate::{FieldError, UserType, user::User};

/// The longest nickname, in characters (Unicode scalar values).
pub const NICKNAME_MAX: usize = 64;

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

/// Checks a nickname: 1 to [`NICKNAME_MAX`] characters, without control characters.
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

/// Checks the name of a character on the stage, by the rules for a nickname.
///
/// # Errors
/// Returns a sentence that tells a person what to change.
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
