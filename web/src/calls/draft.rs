//! A message of any type as the reader types it: text for each field, encoded to bytes.

use std::collections::BTreeMap;

use prost::bytes::Bytes;
use prost::encoding;
use soundstage_formats::FieldError;
use soundstage_proto::descriptor::{FieldDescriptor, FieldKind, MessageDescriptor};

use super::number::parse_float;
use crate::language::key;

/// The field number of `google.protobuf.FieldMask.paths`.
const FIELD_MASK_PATHS: u32 = 1;

/// The texts that the reader has typed, by field path. A field without text is not set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Draft {
    texts: BTreeMap<String, String>,
}

/// A field to type into, at any depth of a message.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// The names from the outermost message to the field, such as `position.x`.
    pub(super) path: String,
    pub(super) kind: FieldKind,
    /// Whether the text holds several values, separated by commas.
    pub(super) repeated: bool,
}

impl Draft {
    pub(super) fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    pub(super) fn edit(&mut self, path: &str, text: String) {
        self.texts.insert(path.to_owned(), text);
    }

    /// Encodes the message.
    ///
    /// # Errors
    /// Returns the first field whose text is not a value of its type.
    pub(super) fn encode(&self, message: &MessageDescriptor) -> Result<Bytes, FieldError> {
        let mut bytes = Vec::new();
        self.encode_fields(message, "", &mut bytes)?;
        Ok(bytes.into())
    }

    fn encode_fields(
        &self,
        message: &MessageDescriptor,
        prefix: &str,
        bytes: &mut Vec<u8>,
    ) -> Result<(), FieldError> {
        for field in message.fields {
            let path = format!("{prefix}{}", field.name);
            if let FieldKind::Message(nested) = field.kind {
                let mut content = Vec::new();
                self.encode_fields(nested, &format!("{path}."), &mut content)?;
                if self.has_any_below(&path) {
                    encoding::bytes::encode(field.number, &content, bytes);
                }
                continue;
            }
            let text = self.text(&path).trim();
            if text.is_empty() {
                continue;
            }
            // Unpacked, which every protobuf decoder accepts.
            let mut values = text.splitn(if field.repeated { usize::MAX } else { 1 }, ',');
            values
                .try_for_each(|value| encode_text(field, value.trim(), bytes))
                .map_err(|description| FieldError {
                    field: path,
                    description,
                })?;
        }
        Ok(())
    }

    /// Returns whether a field of a nested message has text.
    fn has_any_below(&self, path: &str) -> bool {
        let prefix = format!("{path}.");
        self.texts
            .iter()
            .any(|(path, text)| path.starts_with(&prefix) && !text.trim().is_empty())
    }

    /// Increments the first field if it is a whole number, so that the next request asks for the next id.
    pub(super) fn increment_first_field(&mut self, message: &MessageDescriptor) {
        let Some(field) = message.fields.first() else {
            return;
        };
        if let (FieldKind::Uint32, Ok(number)) = (field.kind, self.text(field.name).parse::<u32>())
        {
            self.edit(field.name, number.saturating_add(1).to_string());
        }
    }
}

/// Returns the fields of a message to type into. A nested message is typed field by field, so a repeated message field
/// has one element.
pub(super) fn inputs(message: &MessageDescriptor) -> Vec<Input> {
    let mut found = Vec::new();
    for field in message.fields {
        if let FieldKind::Message(nested) = field.kind {
            found.extend(inputs(nested).into_iter().map(|input| Input {
                path: format!("{}.{}", field.name, input.path),
                ..input
            }));
        } else {
            let path = field.name.to_owned();
            found.push(Input {
                path,
                kind: field.kind,
                repeated: field.repeated,
            });
        }
    }
    found
}

/// Encodes a value from its text.
fn encode_text(field: &FieldDescriptor, text: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    let number = field.number;
    match field.kind {
        FieldKind::Uint32 => {
            let hint = key("Enter a whole number from 0 to 4294967295.");
            encoding::uint32::encode(number, &text.parse().map_err(|_| hint)?, bytes);
        }
        FieldKind::Int32 => {
            let hint = key("Enter a whole number from -2147483648 to 2147483647.");
            encoding::int32::encode(number, &text.parse().map_err(|_| hint)?, bytes);
        }
        FieldKind::Int64 | FieldKind::Sfixed64 => {
            let value = text.parse().map_err(|_| key("Enter a whole number."))?;
            match field.kind {
                FieldKind::Int64 => encoding::int64::encode(number, &value, bytes),
                _ => encoding::sfixed64::encode(number, &value, bytes),
            }
        }
        FieldKind::FieldMask => {
            let mut mask = Vec::new();
            for path in text.split(',') {
                encoding::string::encode(FIELD_MASK_PATHS, &path.trim().to_owned(), &mut mask);
            }
            encoding::bytes::encode(number, &mask, bytes);
        }
        FieldKind::Float => {
            let hint = key("Enter a number, such as -1.5.");
            encoding::float::encode(number, &parse_float(text).ok_or(hint)?, bytes);
        }
        FieldKind::Bool => {
            encoding::bool::encode(
                number,
                &text.parse().map_err(|_| key("Enter true or false."))?,
                bytes,
            );
        }
        FieldKind::String => encoding::string::encode(number, &text.to_owned(), bytes),
        FieldKind::Enum(values) => {
            let value = values.iter().find(|(name, _)| *name == text);
            let (_, value) = value.ok_or(key("Enter a name that the enum defines."))?;
            encoding::int32::encode(number, value, bytes);
        }
        // A nested message has inputs of its own.
        FieldKind::Message(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use soundstage_proto::UserType;
    use soundstage_proto::descriptor::MethodDescriptor;
    use soundstage_proto::position::{Pos, Position, PositionSyncRequest};
    use soundstage_proto::user::{ListUsersRequest, User, UserRequest};

    use super::*;

    fn method(path: &str) -> &'static MethodDescriptor {
        MethodDescriptor::at(path).expect("a method")
    }

    fn draft(texts: &[(&str, &str)]) -> Draft {
        let texts = texts
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Draft {
            texts: texts.collect(),
        }
    }

    #[test]
    fn a_draft_encodes_to_the_message_that_the_generated_type_decodes() {
        let user = draft(&[
            ("id", " 7 "),
            ("nickname", "rin"),
            ("mail_address", "rin@example.com"),
            ("user_type", "GUEST"),
        ]);
        let bytes = user
            .encode(method("/UserManager/AddUser").request)
            .expect("valid");
        let expected = User {
            id: 7,
            nickname: "rin".into(),
            mail_address: "rin@example.com".into(),
            user_type: UserType::Guest.into(),
            ..User::default()
        };
        assert_eq!(User::decode(bytes), Ok(expected));

        let position = draft(&[("position.x", "-0.5"), ("status", "-1")]);
        let bytes = position.encode(method("/posXYZ.PositionService/PositionPub").request);
        let pos = Pos {
            x: -0.5,
            ..Pos::default()
        };
        let expected = Position {
            position: Some(pos),
            status: -1,
            msg: String::new(),
        };
        assert_eq!(Position::decode(bytes.expect("valid")), Ok(expected));
    }

    #[test]
    fn a_nested_message_without_text_is_not_set() {
        let bytes = draft(&[("position.x", " ")])
            .encode(method("/posXYZ.PositionService/PositionPub").request)
            .expect("valid");
        assert_eq!(Position::decode(bytes), Ok(Position::default()));
    }

    #[test]
    fn invalid_text_is_reported_with_the_path_of_its_field() {
        for (path, field, text) in [
            ("/UserManager/GetUser", "id", "-1"),
            ("/UserManager/GetUser", "id", "4294967296"),
            ("/UserManager/GetUsersByType", "user_type", "normal"),
            ("/posXYZ.PositionService/PositionPub", "position.z", "up"),
            ("/posXYZ.PositionService/PositionReq", "status", "1.5"),
        ] {
            let outcome = draft(&[(field, text)]).encode(method(path).request);
            assert_eq!(outcome.expect_err(text).field, field);
        }
    }

    #[test]
    fn every_request_has_inputs() {
        for method in soundstage_proto::descriptor::METHODS {
            assert!(!inputs(method.request).is_empty(), "{}", method.path);
        }
        let mut draft = Draft::default();
        draft.edit("joins.name", "Ann".into());
        draft.edit("samples.position.x", "1.5".into());
        let sync = method("/posXYZ.PositionService/PositionSync").request;
        let request = PositionSyncRequest::decode(draft.encode(sync).expect("a message"));
        let PositionSyncRequest { joins, samples, .. } = request.expect("a message");
        assert_eq!(joins[0].name, "Ann");
        assert_eq!(samples[0].position.map(|position| position.x), Some(1.5));

        let paths: Vec<_> = inputs(method("/posXYZ.PositionService/PositionPub").request)
            .into_iter()
            .map(|input| input.path)
            .collect();
        assert_eq!(
            paths,
            ["position.x", "position.y", "position.z", "status", "msg"]
        );
    }

    #[test]
    fn values_of_a_repeated_field_are_separated_by_commas() {
        let request = method("/UserManager/ListUsers").request;
        let mut draft = Draft::default();
        draft.edit("filter.user_types", "GUEST, NORMAL".into());
        draft.edit("filter.search", "a, b".into());
        let bytes = draft.encode(request).expect("a request");
        let request = ListUsersRequest::decode(bytes).expect("a request");
        let filter = request.filter.expect("a filter");
        assert_eq!(filter.user_types, [3, 1]);
        assert_eq!(filter.search, "a, b");
    }

    #[test]
    fn incrementing_continues_with_the_next_id() {
        let descriptor = method("/UserManager/GetUsersByIds").request;
        let mut ids = draft(&[("id", "9")]);
        ids.increment_first_field(descriptor);
        assert_eq!(
            UserRequest::decode(ids.encode(descriptor).expect("valid")),
            Ok(UserRequest { id: 10 })
        );
    }
}
