//! Messages of any type: from what the reader has typed to bytes, and from bytes to text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::DecodeError;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{self, DecodeContext, WireType};
use soundstage_proto::descriptor::{FieldDescriptor, FieldKind, MessageDescriptor};

use crate::language::key;
use crate::ui::decimal;

/// What the reader has typed, by the path of each field. A field without text is not set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Draft {
    texts: BTreeMap<String, String>,
}

/// A field that can be typed into, at any depth of a message.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// Names from the outermost message to the field, such as `position.x`.
    pub(super) path: String,
    pub(super) kind: FieldKind,
    /// Any number of them, with commas in between.
    pub(super) repeated: bool,
}

/// A field whose text is not what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub(super) path: String,
    pub(super) sentence: String,
}

impl Draft {
    pub(super) fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    pub(super) fn edit(&mut self, path: &str, text: String) {
        self.texts.insert(path.to_owned(), text);
    }

    /// The message, encoded.
    pub(super) fn encode(&self, message: &MessageDescriptor) -> Result<Bytes, Refused> {
        let mut bytes = Vec::new();
        self.encode_fields(message, "", &mut bytes)?;
        Ok(bytes.into())
    }

    fn encode_fields(
        &self,
        message: &MessageDescriptor,
        prefix: &str,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Refused> {
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
            // One after the other, as every reader takes them, though some would be packed.
            let mut values = text.splitn(if field.repeated { usize::MAX } else { 1 }, ',');
            values
                .try_for_each(|value| encode_text(field, value.trim(), bytes))
                .map_err(|sentence| Refused { path, sentence })?;
        }
        Ok(())
    }

    fn has_any_below(&self, path: &str) -> bool {
        let prefix = format!("{path}.");
        self.texts
            .iter()
            .any(|(path, text)| path.starts_with(&prefix) && !text.trim().is_empty())
    }

    /// Counts the first field up by one, if it is a whole number: for many requests in a row.
    pub(super) fn count_up(&mut self, message: &MessageDescriptor) {
        let Some(field) = message.fields.first() else {
            return;
        };
        if let (FieldKind::Uint32, Ok(number)) = (field.kind, self.text(field.name).parse::<u32>())
        {
            self.edit(field.name, number.saturating_add(1).to_string());
        }
    }
}

/// The fields of a message that can be typed into, repeated ones with commas between the values. A message within it is
/// typed field by field, so of a repeated one there is one in each request.
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

fn encode_text(field: &FieldDescriptor, text: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    let number = field.number;
    match field.kind {
        FieldKind::Uint32 => {
            let wanted = key("Enter a whole number from 0 to 4294967295.");
            encoding::uint32::encode(number, &text.parse().map_err(|_| wanted)?, bytes);
        }
        FieldKind::Int32 => {
            let wanted = key("Enter a whole number from -2147483648 to 2147483647.");
            encoding::int32::encode(number, &text.parse().map_err(|_| wanted)?, bytes);
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
                encoding::string::encode(MASK_PATHS, &path.trim().to_owned(), &mut mask);
            }
            encoding::bytes::encode(number, &mask, bytes);
        }
        FieldKind::Float => {
            let wanted = key("Enter a number, such as -1.5.");
            encoding::float::encode(number, &parse_decimal(text).ok_or(wanted)?, bytes);
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
            let (_, value) = value.ok_or(key("Choose one of the names."))?;
            encoding::int32::encode(number, value, bytes);
        }
        // Has inputs of its own.
        FieldKind::Message(_) => {}
    }
    Ok(())
}

/// A decimal number, with a point or without. The standard library's parser brings tables of 10 kB along, which serve
/// numbers of more digits than anybody types.
fn parse_decimal(text: &str) -> Option<f32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // So many are exact in an `f64`.
    let is_short = whole.len() + fraction.len() <= 15 && !(whole.is_empty() && fraction.is_empty());
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_short || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let number = digits.fold(0.0, |number, digit| number * 10.0 + f64::from(digit - b'0'));
    let divisor = fraction.bytes().fold(1.0, |divisor, _| divisor * 10.0);
    Some((sign * number / divisor) as f32)
}

/// A number to seven digits behind the point, or `NaN`, `Infinity`, `-Infinity` as both notations spell them.
pub(super) fn shortest(number: f32) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into();
    }
    let digits = decimal(number.into(), 7);
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// The number of the only field of `google.protobuf.FieldMask`.
const MASK_PATHS: u32 = 1;

/// How a message is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// The JSON that protobuf defines for its messages.
    Json,
    /// An object literal for protobuf-es: names without quotes, enums by number.
    JavaScript,
}

/// The message as text; bytes that are none are said to be so.
pub(super) fn text_of(
    message: &MessageDescriptor,
    bytes: &[u8],
    text_format: TextFormat,
) -> String {
    object(message, bytes, text_format).unwrap_or_else(|error| {
        format!(
            "{} bytes that are no {}: {error}",
            bytes.len(),
            message.name
        )
    })
}

fn object(
    message: &MessageDescriptor,
    mut bytes: &[u8],
    text_format: TextFormat,
) -> Result<String, DecodeError> {
    let mut values: Vec<Vec<String>> = vec![Vec::new(); message.fields.len()];
    while bytes.has_remaining() {
        let (number, wire_type) = encoding::decode_key(&mut bytes)?;
        let position = message
            .fields
            .iter()
            .position(|field| field.number == number);
        let Some(position) = position else {
            encoding::skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
            continue;
        };
        let field = &message.fields[position];
        let value = value(field.kind, wire_type, &mut bytes, text_format)?;
        if !field.repeated {
            // The last one counts.
            values[position].clear();
        }
        values[position].push(value);
    }
    let fields = message.fields.iter().zip(values);
    let entries: Vec<_> = fields
        .filter(|(_, values)| !values.is_empty())
        .map(|(field, values)| {
            let name = match text_format {
                TextFormat::Json => quoted(field.json_name),
                TextFormat::JavaScript => field.json_name.to_owned(),
            };
            let values = values.join(", ");
            if field.repeated {
                format!("{name}: [{values}]")
            } else {
                format!("{name}: {values}")
            }
        })
        .collect();
    Ok(match (text_format, entries.is_empty()) {
        (TextFormat::JavaScript, false) => format!("{{ {} }}", entries.join(", ")),
        _ => format!("{{{}}}", entries.join(", ")),
    })
}

fn value(
    kind: FieldKind,
    wire_type: WireType,
    bytes: &mut &[u8],
    text_format: TextFormat,
) -> Result<String, DecodeError> {
    macro_rules! scalar {
        ($module:ident, $initial:expr) => {{
            let mut value = $initial;
            encoding::$module::merge(wire_type, &mut value, bytes, DecodeContext::default())?;
            value
        }};
    }
    Ok(match kind {
        FieldKind::Bool => scalar!(bool, false).to_string(),
        FieldKind::Int32 => scalar!(int32, 0).to_string(),
        FieldKind::Uint32 => scalar!(uint32, 0).to_string(),
        // A number in JavaScript is exact up to 53 bits only.
        FieldKind::Int64 => large(scalar!(int64, 0).to_string(), text_format),
        FieldKind::Sfixed64 => large(scalar!(sfixed64, 0).to_string(), text_format),
        FieldKind::FieldMask => mask(&scalar!(bytes, Bytes::new()), text_format)?,
        FieldKind::Float => match shortest(scalar!(float, 0.0)) {
            name if name.ends_with(|end: char| end.is_ascii_alphabetic())
                && text_format == TextFormat::Json =>
            {
                quoted(&name)
            }
            number => number,
        },
        FieldKind::String => quoted(&scalar!(string, String::new())),
        FieldKind::Enum(values) => {
            let number = scalar!(int32, 0);
            match values.iter().find(|(_, value)| *value == number) {
                Some((name, _)) if text_format == TextFormat::Json => quoted(name),
                Some((name, _)) => format!("{number} /* {name} */"),
                None => number.to_string(),
            }
        }
        FieldKind::Message(nested) => {
            let content: Bytes = scalar!(bytes, Bytes::new());
            object(nested, &content, text_format)?
        }
    })
}

fn large(number: String, text_format: TextFormat) -> String {
    match text_format {
        TextFormat::Json => quoted(&number),
        TextFormat::JavaScript => number + "n",
    }
}

fn mask(mut bytes: &[u8], text_format: TextFormat) -> Result<String, DecodeError> {
    let mut paths: Vec<String> = Vec::new();
    while bytes.has_remaining() {
        let (_, wire_type) = encoding::decode_key(&mut bytes)?;
        let context = DecodeContext::default();
        encoding::string::merge_repeated(wire_type, &mut paths, &mut bytes, context)?;
    }
    Ok(match text_format {
        TextFormat::Json => quoted(&paths.join(",")),
        TextFormat::JavaScript => {
            let paths: Vec<_> = paths.iter().map(|path| quoted(path)).collect();
            format!("{{ paths: [{}] }}", paths.join(", "))
        }
    })
}

/// A string in JSON's quotes, which are JavaScript's too.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => {
                // A `String` takes everything.
                let _ = write!(quoted, "\\u{:04x}", control as u32);
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use soundstage_proto::UserType;
    use soundstage_proto::descriptor::MethodDescriptor;
    use soundstage_proto::position::{Pos, Position, PositionSyncRequest};
    use soundstage_proto::user::{
        ListUsersRequest, ListUsersResponse, User, UserRequest, UserResponse,
    };

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

    fn a_user() -> User {
        User {
            id: 7,
            nickname: "凛 \"rin\"\n".into(),
            mail_address: "rin@example.com".into(),
            user_type: UserType::Guest.into(),
            ..User::default()
        }
    }

    #[test]
    fn what_is_typed_becomes_the_message_that_the_generated_type_reads() {
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
            nickname: "rin".into(),
            ..a_user()
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
    fn a_message_within_is_left_out_unless_something_in_it_is_typed() {
        let bytes = draft(&[("position.x", " ")])
            .encode(method("/posXYZ.PositionService/PositionPub").request)
            .expect("valid");
        assert_eq!(Position::decode(bytes), Ok(Position::default()));
    }

    #[test]
    fn text_that_is_not_the_fields_is_refused_with_its_path() {
        for (path, field, text) in [
            ("/UserManager/GetUser", "id", "-1"),
            ("/UserManager/GetUser", "id", "4294967296"),
            ("/UserManager/GetUsersByType", "user_type", "normal"),
            ("/posXYZ.PositionService/PositionPub", "position.z", "up"),
            ("/posXYZ.PositionService/PositionReq", "status", "1.5"),
        ] {
            let refused = draft(&[(field, text)]).encode(method(path).request);
            assert_eq!(refused.expect_err(text).path, field);
        }
    }

    #[test]
    fn decimals_are_read_as_the_standard_library_reads_them() {
        for text in [
            "0",
            "-0",
            "1",
            "-1.5",
            "0.1",
            ".5",
            "5.",
            "3.14159265",
            "999999999999999",
        ] {
            assert_eq!(
                parse_decimal(text).map(f32::to_bits),
                text.parse::<f32>().ok().map(f32::to_bits),
                "{text}"
            );
        }
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "+1",
            "1,5",
            "--1",
            "1.2.3",
            "1234567890.1234567",
        ] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_short_as_they_are() {
        for (number, text) in [
            (0.5, "0.5"),
            (-1.0, "-1"),
            (100.0, "100"),
            (0.1, "0.1"),
            (f32::NAN, "NaN"),
            (f32::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(shortest(number), text);
        }
    }

    #[test]
    fn every_request_can_be_typed() {
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
    fn a_repeated_field_is_typed_with_commas() {
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
    fn a_message_is_written_as_protobufs_json_and_as_javascript() {
        let response = UserResponse {
            user: Some(a_user()),
            ..UserResponse::default()
        };
        let bytes = response.encode_to_vec();
        let descriptor = method("/UserManager/GetUser").response;
        assert_eq!(
            text_of(descriptor, &bytes, TextFormat::Json),
            r#"{"user": {"id": 7, "nickname": "凛 \"rin\"\n", "mailAddress": "rin@example.com", "userType": "GUEST"}}"#
        );
        assert_eq!(
            text_of(descriptor, &bytes, TextFormat::JavaScript),
            r#"{ user: { id: 7, nickname: "凛 \"rin\"\n", mailAddress: "rin@example.com", userType: 3 /* GUEST */ } }"#
        );
        assert_eq!(text_of(descriptor, &[], TextFormat::JavaScript), "{}");
        let list = ListUsersResponse {
            users: vec![
                User {
                    id: 1,
                    ..User::default()
                };
                2
            ],
            ..Default::default()
        };
        let descriptor = method("/UserManager/ListUsers").response;
        assert_eq!(
            text_of(descriptor, &list.encode_to_vec(), TextFormat::Json),
            r#"{"users": [{"id": 1}, {"id": 1}]}"#
        );
    }

    #[test]
    fn bytes_that_are_no_message_are_said_to_be_none_and_unknown_fields_are_passed_over() {
        let descriptor = method("/UserManager/GetUser").request;
        assert!(
            text_of(descriptor, &[8], TextFormat::Json)
                .starts_with("1 bytes that are no UserRequest")
        );
        assert_eq!(
            text_of(descriptor, &[0x12, 1, 65, 8, 3], TextFormat::Json),
            r#"{"id": 3}"#
        );
    }

    #[test]
    fn counting_up_goes_from_id_to_id() {
        let descriptor = method("/UserManager/GetUsersByIds").request;
        let mut ids = draft(&[("id", "9")]);
        ids.count_up(descriptor);
        assert_eq!(
            UserRequest::decode(ids.encode(descriptor).expect("valid")),
            Ok(UserRequest { id: 10 })
        );
    }
}
