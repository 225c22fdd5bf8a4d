//! Generates the table of methods that `src/descriptor.rs` includes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::source_code_info::Location;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto,
};

type Error = Box<dyn std::error::Error>;

/// The types of the contract by their full names, such as `.posXYZ.Pos`.
#[derive(Default)]
struct Types<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
}

impl<'a> Types<'a> {
    fn add(&mut self, scope: &str, message: &'a DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.add(&name, nested);
        }
        for each in &message.enum_type {
            self.enums.insert(format!("{name}.{}", each.name()), each);
        }
        self.messages.insert(name, message);
    }
}

/// Returns the Rust source of `METHODS` and of the messages that the methods use.
pub(crate) fn table(descriptors: &FileDescriptorSet) -> Result<String, Error> {
    let mut types = Types::default();
    let mut methods = String::new();
    // Imported files define no methods, and `field_kind` handles their messages.
    let own = descriptors
        .file
        .iter()
        .filter(|file| !file.package().starts_with("google."));
    for file in own {
        let scope = match file.package() {
            "" => String::new(),
            package => format!(".{package}"),
        };
        for message in &file.message_type {
            types.add(&scope, message);
        }
        for (index, service) in file.service.iter().enumerate() {
            let full_name = format!("{scope}.{}", service.name());
            for (position, method) in service.method.iter().enumerate() {
                // Field numbers of descriptor.proto: `service` of a file is 6, `method` of a service is 2.
                let path = [6, index as i32, 2, position as i32];
                let comments = file.source_code_info.iter().flat_map(|info| &info.location);
                let comment = comments
                    .filter(|location| location.path == path)
                    .map(Location::leading_comments);
                let summary = comment.map(first_sentence).next().unwrap_or_default();
                methods.push_str(&method_entry(
                    full_name.trim_start_matches('.'),
                    method,
                    &summary,
                )?);
            }
        }
    }
    let mut table = format!(
        "/// Every method of the contract.\npub static METHODS: &[MethodDescriptor] = &[\n{methods}];\n"
    );
    for (name, message) in &types.messages {
        table.push_str(&message_definition(name, message, &types)?);
    }
    Ok(table)
}

fn method_entry(
    service: &str,
    method: &MethodDescriptorProto,
    summary: &str,
) -> Result<String, Error> {
    let name = method.name();
    let kind = match (method.client_streaming(), method.server_streaming()) {
        (false, false) => "Unary",
        (false, true) => "ServerStreaming",
        (true, false) => "ClientStreaming",
        (true, true) => "Bidirectional",
    };
    let mut entry = String::from("    MethodDescriptor {\n");
    writeln!(
        entry,
        "service: {service:?}, name: {name:?}, path: \"/{service}/{name}\", summary: {summary:?},"
    )?;
    writeln!(entry, "kind: CallKind::{kind},")?;
    writeln!(
        entry,
        "request: &{}, response: &{},\n    }},",
        constant(method.input_type()),
        constant(method.output_type())
    )?;
    Ok(entry)
}

fn message_definition(
    full_name: &str,
    message: &DescriptorProto,
    types: &Types,
) -> Result<String, Error> {
    let mut definition = format!(
        "static {}: MessageDescriptor = MessageDescriptor {{ name: {:?}, fields: &[\n",
        constant(full_name),
        message.name()
    );
    for field in &message.field {
        let kind = field_kind(field, types)?;
        let (name, json_name, number) = (field.name(), field.json_name(), field.number());
        let repeated = field.label() == Label::Repeated;
        writeln!(
            definition,
            "    FieldDescriptor {{ name: {name:?}, json_name: {json_name:?}, number: {number}, kind: {kind}, repeated: {repeated} }},"
        )?;
    }
    definition.push_str("] };\n");
    Ok(definition)
}

fn field_kind(field: &FieldDescriptorProto, types: &Types) -> Result<String, Error> {
    Ok(match field.r#type() {
        Type::Bool => "FieldKind::Bool".into(),
        Type::Int32 => "FieldKind::Int32".into(),
        Type::Sfixed64 => "FieldKind::Sfixed64".into(),
        Type::Int64 => "FieldKind::Int64".into(),
        Type::Uint32 => "FieldKind::Uint32".into(),
        Type::Float => "FieldKind::Float".into(),
        Type::String => "FieldKind::String".into(),
        Type::Message if field.type_name() == ".google.protobuf.FieldMask" => {
            "FieldKind::FieldMask".into()
        }
        Type::Message => format!("FieldKind::Message(&{})", constant(field.type_name())),
        Type::Enum => {
            let values = types
                .enums
                .get(field.type_name())
                .ok_or("an enum at the top of a file")?;
            let pairs: Vec<_> = values
                .value
                .iter()
                .map(|value| (value.name(), value.number()))
                .collect();
            format!("FieldKind::Enum(&{pairs:?})")
        }
        other => {
            return Err(format!("{}: src/descriptor.rs has no {other:?} yet", field.name()).into());
        }
    })
}

/// Returns the name of a message's constant: `POSXYZ_POS` for `.posXYZ.Pos`.
fn constant(full_name: &str) -> String {
    full_name
        .trim_start_matches('.')
        .replace('.', "_")
        .to_uppercase()
}

/// Returns the first sentence of a comment, on one line.
fn first_sentence(comment: &str) -> String {
    let line = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => line,
    }
}
