//! A user as it is being typed in: plain state, checked by the same rules that the server has.

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
    /// Its name on the wire, which the server's errors use.
    pub(super) const fn wire_name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Nickname => "nickname",
            Self::MailAddress => "mail_address",
        }
    }
}

/// What stands in the form, and what the server said to it when it was sent.
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
    /// Errors are shown only in fields that somebody has been in.
    touched: bool,
    /// What the server said to this text; gone when it changes.
    refusal: Option<String>,
}

/// The type chosen; most users are normal ones.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ChosenType(UserType);

impl Default for ChosenType {
    fn default() -> Self {
        Self(UserType::Normal)
    }
}

impl Draft {
    /// A user as it is, to be changed.
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
        input.refusal = None;
    }

    /// Somebody has left the field.
    pub(super) fn touch(&mut self, field: Field) {
        self.input_mut(field).touched = true;
    }

    pub(super) fn user_type(&self) -> UserType {
        self.user_type.0
    }

    pub(super) fn choose(&mut self, user_type: UserType) {
        self.user_type = ChosenType(user_type);
    }

    /// What to say at the field, if anything.
    pub(super) fn error(&self, field: Field) -> Option<String> {
        let input = self.input(field);
        let broken_rule = || {
            self.check(field)
                .err()
                .filter(|_| input.touched)
                .map(str::to_owned)
        };
        input.refusal.clone().or_else(broken_rule)
    }

    /// The user to send; or the first field that has to be mended, all of them now showing their errors.
    pub(super) fn submit(&mut self) -> Result<User, Field> {
        const FIELDS: [Field; 3] = [Field::Nickname, Field::MailAddress, Field::Id];
        for field in FIELDS {
            self.touch(field);
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

    /// Shows the server's sentence at the field it names. `false` if the form has no such field.
    pub(super) fn refuse(&mut self, wire_name: &str, sentence: &str) -> bool {
        let field = [Field::Id, Field::Nickname, Field::MailAddress]
            .into_iter()
            .find(|field| field.wire_name() == wire_name);
        if let Some(field) = field {
            self.refuse_field(field, sentence);
        }
        field.is_some()
    }

    /// Shows the server's sentence at this field.
    pub(super) fn refuse_field(&mut self, field: Field, sentence: &str) {
        self.input_mut(field).refusal = Some(sentence.to_owned());
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

    fn filled() -> Draft {
        let mut draft = Draft::default();
        draft.edit(Field::Nickname, " foo ".into());
        draft.edit(Field::MailAddress, "foo@example.com".into());
        draft
    }

    #[test]
    fn an_empty_form_says_nothing_until_somebody_leaves_a_field_or_sends() {
        let mut draft = Draft::default();
        assert_eq!(draft.error(Field::Nickname), None);
        draft.touch(Field::Nickname);
        assert!(draft.error(Field::Nickname).is_some());
        assert_eq!(draft.error(Field::MailAddress), None);
        assert_eq!(draft.submit(), Err(Field::Nickname));
        assert!(draft.error(Field::MailAddress).is_some());
        assert_eq!(
            draft.error(Field::Id),
            None,
            "without an id the server picks one"
        );
    }

    #[test]
    fn a_user_that_is_changed_keeps_its_id() {
        let user = User {
            id: 7,
            user_type: UserType::Guest.into(),
            ..filled().submit().expect("valid")
        };
        let mut draft = Draft::of(&user);
        assert_eq!(draft.submit(), Ok(user.clone()));
        draft.edit(Field::Nickname, "bar".into());
        let changed = draft.submit().expect("valid");
        assert_eq!((changed.id, changed.nickname.as_str()), (7, "bar"));
        assert_eq!(changed.user_type(), UserType::Guest);
    }

    #[test]
    fn what_is_sent_is_trimmed() {
        let expected = User {
            id: 0,
            nickname: "foo".into(),
            mail_address: "foo@example.com".into(),
            user_type: 1,
            ..User::default()
        };
        assert_eq!(filled().submit(), Ok(expected));
    }

    #[test]
    fn what_the_server_says_stands_at_its_field_until_that_changes() {
        let mut draft = filled();
        draft.edit(Field::Id, "1".into());
        assert!(draft.refuse("id", "Taken."));
        assert!(!draft.refuse("shoe_size", "Too large."));
        assert_eq!(draft.error(Field::Id).as_deref(), Some("Taken."));
        draft.edit(Field::Nickname, "bar".into());
        assert_eq!(draft.error(Field::Id).as_deref(), Some("Taken."));
        draft.edit(Field::Id, "12".into());
        assert_eq!(draft.error(Field::Id), None);
    }
}
