//! Compares the texts and the drafts of every message of the contract with `prost-reflect`, which knows the contract only by
//! its descriptors.

use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value};
use soundstage_proto::FILE_DESCRIPTOR_SET;
use soundstage_proto::descriptor::{METHODS, MethodDescriptor};

use super::draft::{Draft, inputs};
use super::message_text::{TextFormat, message_text};

const FIELD_MASK: &str = "google.protobuf.FieldMask";

/// Calls a function with each method, and with the oracle's descriptors of request and response.
fn for_each_method(check: impl Fn(&MethodDescriptor, MessageDescriptor, MessageDescriptor)) {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("descriptors");
    for method in METHODS {
        let service = pool.get_service_by_name(method.service).expect("a service");
        let known = service.methods().find(|known| known.name() == method.name);
        let known = known.expect("a method");
        check(method, known.input(), known.output());
    }
}

/// Returns a message with a value in every field, and two values in repeated fields.
fn filled(message: &MessageDescriptor) -> DynamicMessage {
    let mut content = DynamicMessage::new(message.clone());
    if message.full_name() == FIELD_MASK {
        let paths = ["nickname", "mail_address"].map(|path| Value::String(path.into()));
        content.set_field_by_name("paths", Value::List(paths.into()));
        return content;
    }
    for field in message.fields() {
        let value = |index: i32| match field.kind() {
            Kind::Bool => Value::Bool(index == 0),
            Kind::Int32 => Value::I32(i32::MIN + index),
            Kind::Int64 | Kind::Sfixed64 => Value::I64(i64::MIN + i64::from(index)),
            Kind::Uint32 => Value::U32(u32::MAX - index.unsigned_abs()),
            Kind::Float => Value::F32([-1234.5, 0.1][index as usize]),
            Kind::String => Value::String(format!("凛 \"\\\n\t\u{7f}\u{2028}{index}")),
            Kind::Enum(values) => {
                let numbers: Vec<_> = values.values().map(|value| value.number()).collect();
                Value::EnumNumber(numbers[numbers.len() - 1 - index as usize])
            }
            Kind::Message(nested) => Value::Message(filled(&nested)),
            other => panic!("the contract has no {other:?}"),
        };
        let value = if field.is_list() {
            Value::List(vec![value(0), value(1)])
        } else {
            value(0)
        };
        content.set_field(&field, value);
    }
    content
}

/// Types a value into every field at and below `prefix`, and returns the same message.
fn typed(message: &MessageDescriptor, prefix: &str, draft: &mut Draft) -> DynamicMessage {
    let mut content = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let path = format!("{prefix}{}", field.name());
        let (texts, values): (Vec<_>, Vec<_>) = match field.kind() {
            Kind::Message(nested) if nested.full_name() != FIELD_MASK => {
                let nested = typed(&nested, &format!("{path}."), draft);
                (Vec::new(), vec![Value::Message(nested)])
            }
            Kind::Message(mask) => (
                vec!["nickname, mail_address".into()],
                vec![Value::Message(filled(&mask))],
            ),
            Kind::Bool => (vec!["true".to_owned()], vec![Value::Bool(true)]),
            Kind::Int32 => (vec![i32::MIN.to_string()], vec![Value::I32(i32::MIN)]),
            Kind::Int64 | Kind::Sfixed64 => {
                (vec![i64::MIN.to_string()], vec![Value::I64(i64::MIN)])
            }
            Kind::Uint32 if field.is_list() => (
                vec!["7".into(), u32::MAX.to_string()],
                vec![Value::U32(7), Value::U32(u32::MAX)],
            ),
            Kind::Uint32 => (vec![u32::MAX.to_string()], vec![Value::U32(u32::MAX)]),
            Kind::Float => (vec!["-0.125".into()], vec![Value::F32(-0.125)]),
            Kind::String => (vec!["凛, \"".into()], vec![Value::String("凛, \"".into())]),
            Kind::Enum(values) => {
                let last = values.values().last().expect("a value");
                (
                    vec![last.name().to_owned()],
                    vec![Value::EnumNumber(last.number())],
                )
            }
            other => panic!("the contract has no {other:?}"),
        };
        if !texts.is_empty() {
            draft.edit(&path, texts.join(", "));
        }
        let value = if field.is_list() {
            Value::List(values)
        } else {
            values.into_iter().next().expect("a value")
        };
        content.set_field(&field, value);
    }
    content
}

/// Parses the JSON mapping.
fn parsed(message: MessageDescriptor, text: &str) -> DynamicMessage {
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = DynamicMessage::deserialize(message, &mut json);
    parsed.unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_text_of_every_message_is_its_json_mapping() {
    for_each_method(|method, request, response| {
        for (message, expected) in [(method.request, request), (method.response, response)] {
            let content = filled(&expected);
            let text = message_text(message, &content.encode_to_vec(), TextFormat::Json);
            assert_eq!(parsed(expected, &text), content, "{}: {text}", method.path);
        }
    });
}

#[test]
fn a_draft_of_every_request_encodes_what_was_typed() {
    for_each_method(|method, request, _| {
        let mut draft = Draft::default();
        let expected = typed(&request, "", &mut draft);
        for input in inputs(method.request) {
            assert_ne!(
                draft.text(&input.path),
                "",
                "{}: {}",
                method.path,
                input.path
            );
        }
        let bytes = draft.encode(method.request).expect("a valid draft");
        let decoded = DynamicMessage::decode(request, bytes).expect("a message");
        assert_eq!(decoded, expected, "{}", method.path);
    });
}
