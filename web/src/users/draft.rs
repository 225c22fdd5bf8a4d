//! The input of a form for a user: plain state, checked by the rules that the server applies.

use soundstage_proto::UserType;
use soundstage_proto::user::User;
use soundstage_proto::user_rules;

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Nickname,
    MailAddress,
}

impl Field {
    /// Returns the field's name on the wire, which the server's errors use.
    pub(super) const fn wire_name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Nickname => "nickname",
            Self::MailAddress => "mail_address",
        }
    }

    /// Returns the field with this name on the wire, if the form has the field.
    pub(super) fn from_wire_name(name: &str) -> Option<Self> {
        let fields = [Self::Id, Self::Nickname, Self::MailAddress];
        fields.into_iter().find(|field| field.wire_name() == name)
    }
}

/// The input of the form, and the errors of the server.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Draft {
    id: Input,
    nickname: Input,
    mail_address: Input,
    user_type: ChosenType,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Input {
    text: String,
    /// Whether errors are shown: once the reader has edited the field or sent the form. Not when the reader leaves an
    /// empty field: the error would move the button that the reader is about to click.
    is_edited: bool,
    /// The server's error about this text; removed when the text changes.
    rejection: Option<String>,
}

/// The chosen type; normal by default.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ChosenType(UserType);

impl Default for ChosenType {
    fn default() -> Self {
        Self(UserType::Normal)
    }
}

impl Draft {
    /// Creates the input that edits a user.
    pub(super) fn of(user: &User) -> Self {
        let input = |text: &str| Input {
            text: text.to_owned(),
            ..Input::default()
        };
        Self {
            id: input(&user.id.to_string()),
            nickname: input(&user.nickname),
            mail_address: input(&user.mail_address),
            user_type: ChosenType(user.user_type()),
        }
    }

    pub(super) fn text(&self, field: Field) -> &str {
        &self.input(field).text
    }

    pub(super) fn edit(&mut self, field: Field, text: String) {
        let input = self.input_mut(field);
        input.text = text;
        input.is_edited = true;
        input.rejection = None;
    }

    pub(super) fn user_type(&self) -> UserType {
        self.user_type.0
    }

    pub(super) fn choose(&mut self, user_type: UserType) {
        self.user_type = ChosenType(user_type);
    }

    /// Returns the error to show at the field.
    pub(super) fn error(&self, field: Field) -> Option<String> {
        let input = self.input(field);
        let broken_rule = || {
            self.check(field)
                .err()
                .filter(|_| input.is_edited)
                .map(str::to_owned)
        };
        input.rejection.clone().or_else(broken_rule)
    }

    /// Returns the user to send, or the first invalid field. All fields show their errors from now on.
    pub(super) fn submit(&mut self) -> Result<User, Field> {
        const FIELDS: [Field; 3] = [Field::Nickname, Field::MailAddress, Field::Id];
        for field in FIELDS {
            self.input_mut(field).is_edited = true;
        }
        match FIELDS.into_iter().find(|field| self.check(*field).is_err()) {
            Some(field) => Err(field),
            None => Ok(User {
                id: user_rules::parse_id(&self.id.text).unwrap_or_default(),
                nickname: self.nickname.text.trim().to_owned(),
                mail_address: self.mail_address.text.trim().to_owned(),
                user_type: self.user_type.0.into(),
                ..User::default()
            }),
        }
    }

    /// Shows the server's error at a field until its text changes.
    pub(super) fn reject(&mut self, field: Field, error: &str) {
        self.input_mut(field).rejection = Some(error.to_owned());
    }

    fn check(&self, field: Field) -> Result<(), &'static str> {
        let text = self.text(field).trim();
        match field {
            Field::Id => user_rules::parse_id(text).map(drop),
            Field::Nickname => user_rules::check_nickname(text),
            Field::MailAddress => user_rules::check_mail_address(text),
        }
    }

    fn input(&self, field: Field) -> &Input {
        match field {
            Field::Id => &self.id,
            Field::Nickname => &self.nickname,
            Field::MailAddress => &self.mail_address,
        }
    }

    fn input_mut(&mut self, field: Field) -> &mut Input {
        match field {
            Field::Id => &mut self.id,
            Field::Nickname => &mut self.nickname,
            Field::MailAddress => &mut self.mail_address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid_draft() -> Draft {
        let mut draft = Draft::default();
        draft.edit(Field::Nickname, " foo ".into());
        draft.edit(Field::MailAddress, "foo@example.com".into());
        draft
    }

    #[test]
    fn an_empty_form_shows_errors_only_after_a_field_is_edited_or_the_form_is_sent() {
        let mut draft = Draft::default();
        assert_eq!(draft.error(Field::Nickname), None);
        draft.edit(Field::Nickname, String::new());
        assert!(draft.error(Field::Nickname).is_some());
        assert_eq!(draft.error(Field::MailAddress), None);
        assert_eq!(draft.submit(), Err(Field::Nickname));
        assert!(draft.error(Field::MailAddress).is_some());
        assert_eq!(draft.error(Field::Id), None, "the server assigns an id");
    }

    #[test]
    fn an_edited_user_keeps_its_id() {
        let user = User {
            id: 7,
            user_type: UserType::Guest.into(),
            ..valid_draft().submit().expect("valid")
        };
        let mut draft = Draft::of(&user);
        assert_eq!(draft.submit(), Ok(user.clone()));
        draft.edit(Field::Nickname, "bar".into());
        let changed = draft.submit().expect("valid");
        assert_eq!((changed.id, changed.nickname.as_str()), (7, "bar"));
        assert_eq!(changed.user_type(), UserType::Guest);
    }

    #[test]
    fn texts_are_trimmed() {
        let expected = User {
            id: 0,
            nickname: "foo".into(),
            mail_address: "foo@example.com".into(),
            user_type: 1,
            ..User::default()
        };
        assert_eq!(valid_draft().submit(), Ok(expected));
    }

    #[test]
    fn a_server_error_stays_at_its_field_until_the_text_changes() {
        let mut draft = valid_draft();
        draft.edit(Field::Id, "1".into());
        assert_eq!(Field::from_wire_name("id"), Some(Field::Id));
        assert_eq!(Field::from_wire_name("shoe_size"), None);
        draft.reject(Field::Id, "Taken.");
        assert_eq!(draft.error(Field::Id).as_deref(), Some("Taken."));
        draft.edit(Field::Nickname, "bar".into());
        assert_eq!(draft.error(Field::Id).as_deref(), Some("Taken."));
        draft.edit(Field::Id, "12".into());
        assert_eq!(draft.error(Field::Id), None);
    }
}
