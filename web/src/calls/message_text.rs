//! Messages of any type as text.

use std::fmt::Write as _;

use prost::DecodeError;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{self, DecodeContext, WireType};
use soundstage_proto::descriptor::{FieldKind, MessageDescriptor};

use super::number::format_float;

/// The format of a message as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// Protobuf's JSON mapping.
    Json,
    /// JSON as grpcurl reads it: the JSON mapping, with a field mask as a message.
    Grpcurl,
    /// An object literal for protobuf-es: names without quotes, enum values as numbers.
    JavaScript,
}

/// Returns a message as text. For bytes that cannot be decoded, the text says why.
pub(super) fn message_text(
    message: &MessageDescriptor,
    bytes: &[u8],
    text_format: TextFormat,
) -> String {
    object(message, bytes, text_format)
        .unwrap_or_else(|error| format!("invalid {} of {} B: {error}", message.name, bytes.len()))
}

/// Returns a message as an object.
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
        let values = &mut values[position];
        if !field.repeated {
            // The last value of a singular field counts.
            values.clear();
        }
        match packed_wire_type(field.kind).filter(|_| wire_type == WireType::LengthDelimited) {
            Some(element) if field.repeated => {
                let mut packed = Bytes::new();
                let context = DecodeContext::default();
                encoding::bytes::merge(wire_type, &mut packed, &mut bytes, context)?;
                let mut packed = &packed[..];
                while packed.has_remaining() {
                    values.push(value(field.kind, element, &mut packed, text_format)?);
                }
            }
            _ => values.push(value(field.kind, wire_type, &mut bytes, text_format)?),
        }
    }
    let fields = message.fields.iter().zip(values);
    let entries: Vec<_> = fields
        .filter(|(_, values)| !values.is_empty())
        .map(|(field, values)| {
            let name = match text_format {
                TextFormat::Json | TextFormat::Grpcurl => quoted(field.json_name),
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

/// Returns the wire type of a value in a packed field; `None` if the kind cannot be packed.
fn packed_wire_type(kind: FieldKind) -> Option<WireType> {
    match kind {
        FieldKind::Bool
        | FieldKind::Int32
        | FieldKind::Int64
        | FieldKind::Uint32
        | FieldKind::Enum(_) => Some(WireType::Varint),
        FieldKind::Sfixed64 => Some(WireType::SixtyFourBit),
        FieldKind::Float => Some(WireType::ThirtyTwoBit),
        FieldKind::String | FieldKind::FieldMask | FieldKind::Message(_) => None,
    }
}

/// Decodes a value and returns it as text.
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
        // JavaScript numbers are exact up to 53 bits.
        FieldKind::Int64 => int64_text(scalar!(int64, 0).to_string(), text_format),
        FieldKind::Sfixed64 => int64_text(scalar!(sfixed64, 0).to_string(), text_format),
        FieldKind::FieldMask => field_mask_text(&scalar!(bytes, Bytes::new()), text_format)?,
        FieldKind::Float => match format_float(scalar!(float, 0.0)) {
            name if name.ends_with(|end: char| end.is_ascii_alphabetic())
                && text_format != TextFormat::JavaScript =>
            {
                quoted(&name)
            }
            number => number,
        },
        FieldKind::String => quoted(&scalar!(string, String::new())),
        FieldKind::Enum(values) => {
            let number = scalar!(int32, 0);
            match values.iter().find(|(_, value)| *value == number) {
                Some((name, _)) if text_format == TextFormat::JavaScript => {
                    format!("{number} /* {name} */")
                }
                Some((name, _)) => quoted(name),
                None => number.to_string(),
            }
        }
        FieldKind::Message(nested) => {
            let content: Bytes = scalar!(bytes, Bytes::new());
            object(nested, &content, text_format)?
        }
    })
}

/// Returns a 64-bit integer as text.
fn int64_text(number: String, text_format: TextFormat) -> String {
    match text_format {
        TextFormat::Json | TextFormat::Grpcurl => quoted(&number),
        TextFormat::JavaScript => number + "n",
    }
}

/// Returns a `google.protobuf.FieldMask` as text.
fn field_mask_text(mut bytes: &[u8], text_format: TextFormat) -> Result<String, DecodeError> {
    let mut paths: Vec<String> = Vec::new();
    while bytes.has_remaining() {
        let (_, wire_type) = encoding::decode_key(&mut bytes)?;
        let context = DecodeContext::default();
        encoding::string::merge_repeated(wire_type, &mut paths, &mut bytes, context)?;
    }
    let quoted_paths = || {
        let paths: Vec<_> = paths.iter().map(|path| quoted(path)).collect();
        paths.join(", ")
    };
    Ok(match text_format {
        TextFormat::Json => {
            let paths: Vec<_> = paths.iter().map(|path| camel_case(path)).collect();
            quoted(&paths.join(","))
        }
        TextFormat::Grpcurl => format!("{{\"paths\": [{}]}}", quoted_paths()),
        TextFormat::JavaScript => format!("{{ paths: [{}] }}", quoted_paths()),
    })
}

/// Returns the JSON name of a field: `mailAddress` for `mail_address`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel_case = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut rest = word.chars();
        camel_case.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        camel_case.push_str(rest.as_str());
    }
    camel_case
}

/// Returns a string literal of JSON and JavaScript.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => {
                // Writing to a `String` never fails.
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
    use soundstage_proto::user::{ListUsersResponse, UpdateUserRequest, User, UserResponse};

    use super::*;

    fn method(path: &str) -> &'static MethodDescriptor {
        MethodDescriptor::at(path).expect("a method")
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
    fn a_message_has_a_json_and_a_javascript_text() {
        let response = UserResponse {
            user: Some(a_user()),
            ..UserResponse::default()
        };
        let bytes = response.encode_to_vec();
        let descriptor = method("/UserManager/GetUser").response;
        assert_eq!(
            message_text(descriptor, &bytes, TextFormat::Json),
            r#"{"user": {"id": 7, "nickname": "凛 \"rin\"\n", "mailAddress": "rin@example.com", "userType": "GUEST"}}"#
        );
        assert_eq!(
            message_text(descriptor, &bytes, TextFormat::JavaScript),
            r#"{ user: { id: 7, nickname: "凛 \"rin\"\n", mailAddress: "rin@example.com", userType: 3 /* GUEST */ } }"#
        );
        assert_eq!(message_text(descriptor, &[], TextFormat::JavaScript), "{}");
        let mut update = UpdateUserRequest::default();
        update.update_mask.get_or_insert_default().paths = vec!["mail_address".into()];
        let bytes = update.encode_to_vec();
        let descriptor = method("/UserManager/UpdateUser").request;
        for (text_format, expected) in [
            (TextFormat::Json, r#"{"updateMask": "mailAddress"}"#),
            (
                TextFormat::Grpcurl,
                r#"{"updateMask": {"paths": ["mail_address"]}}"#,
            ),
            (
                TextFormat::JavaScript,
                r#"{ updateMask: { paths: ["mail_address"] } }"#,
            ),
        ] {
            assert_eq!(message_text(descriptor, &bytes, text_format), expected);
        }
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
            message_text(descriptor, &list.encode_to_vec(), TextFormat::Json),
            r#"{"users": [{"id": 1}, {"id": 1}]}"#
        );
    }

    #[test]
    fn invalid_bytes_are_reported_and_unknown_fields_are_skipped() {
        let descriptor = method("/UserManager/GetUser").request;
        assert!(
            message_text(descriptor, &[8], TextFormat::Json)
                .starts_with("invalid UserRequest of 1 B: ")
        );
        assert_eq!(
            message_text(descriptor, &[0x12, 1, 65, 8, 3], TextFormat::Json),
            r#"{"id": 3}"#
        );
    }
}
