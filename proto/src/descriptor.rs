//! The contract as data, for what works with any method: the page's *Calls*, and names of methods in metrics.

/// One method of a service.
#[derive(Debug)]
pub struct MethodDescriptor {
    /// The service with its package, such as `posXYZ.PositionService`.
    pub service: &'static str,
    /// The method's name, such as `PositionReq`.
    pub name: &'static str,
    /// Where it is called: `/service/name`.
    pub path: &'static str,
    /// What it does, in the words of the `.proto` file.
    pub summary: &'static str,
    /// Which of the four kinds of call it is.
    pub kind: CallKind,
    /// The messages it takes.
    pub request: &'static MessageDescriptor,
    /// The messages it answers with.
    pub response: &'static MessageDescriptor,
}

/// How many messages go each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// One request, one answer.
    Unary,
    /// One request, a stream of answers.
    ServerStreaming,
    /// A stream of requests, one answer.
    ClientStreaming,
    /// A stream each way.
    Bidirectional,
}

impl CallKind {
    /// Whether a call takes a stream of requests, not just one.
    pub const fn takes_many(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::Bidirectional)
    }
}

/// One message type.
#[derive(Debug)]
pub struct MessageDescriptor {
    /// The name without its package.
    pub name: &'static str,
    /// The fields, in the order of the file.
    pub fields: &'static [FieldDescriptor],
}

/// One field of a message.
#[derive(Debug)]
pub struct FieldDescriptor {
    /// The name in the `.proto` file.
    pub name: &'static str,
    /// The name in JSON and JavaScript.
    pub json_name: &'static str,
    /// The number on the wire.
    pub number: u32,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it holds any number of them.
    pub repeated: bool,
}

/// What a field holds. The kinds that the contract uses.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// True or false.
    Bool,
    /// A signed number, as a varint.
    Int32,
    /// A large signed number, as a varint.
    Int64,
    /// A large signed number, in eight bytes.
    Sfixed64,
    /// A number that is not negative, as a varint.
    Uint32,
    /// A number of single precision.
    Float,
    /// Text.
    String,
    /// One of some names, each with its number.
    Enum(&'static [(&'static str, i32)]),
    /// `google.protobuf.FieldMask`: names of fields.
    FieldMask,
    /// Another message.
    Message(&'static MessageDescriptor),
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

impl MethodDescriptor {
    /// The method that is called there.
    pub fn at(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_contract_says() {
        let method = MethodDescriptor::at("/UserManager/GetUsersByIds").expect("a method");
        assert_eq!(method.kind, CallKind::Bidirectional);
        assert_eq!(method.request.name, "UserRequest");
        let user = method
            .response
            .fields
            .iter()
            .find(|field| field.name == "user");
        let Some(FieldKind::Message(user)) = user.map(|user| user.kind) else {
            panic!("{user:?}");
        };
        let mail_address = &user.fields[2];
        assert_eq!(
            (mail_address.json_name, mail_address.number),
            ("mailAddress", 3)
        );
        let publish =
            MethodDescriptor::at("/posXYZ.PositionService/PositionPub").expect("a method");
        assert_eq!(
            (publish.kind, publish.request.name),
            (CallKind::Unary, "Position")
        );
        assert!(METHODS.iter().all(|method| !method.summary.is_empty()));
    }
}
