//! The contract as a table, for code that works with any method: the page's *Calls*, and the method names of metrics.

/// One method of a service.
#[derive(Debug)]
pub struct MethodDescriptor {
    /// The service with its package, such as `posXYZ.PositionService`.
    pub service: &'static str,
    /// The name of the method, such as `PositionReq`.
    pub name: &'static str,
    /// The path of the method: `/service/name`.
    pub path: &'static str,
    /// The summary of the method: the first sentence of its comment in the `.proto` file.
    pub summary: &'static str,
    /// The kind of call.
    pub kind: CallKind,
    /// The type of the request messages.
    pub request: &'static MessageDescriptor,
    /// The type of the response messages.
    pub response: &'static MessageDescriptor,
}

/// The kind of a call: the number of messages in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// One request, one response.
    Unary,
    /// One request, a stream of responses.
    ServerStreaming,
    /// A stream of requests, one response.
    ClientStreaming,
    /// A stream of requests, a stream of responses.
    Bidirectional,
}

impl CallKind {
    /// Returns whether the client sends a stream of requests.
    pub const fn takes_many(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::Bidirectional)
    }
}

/// A message type.
#[derive(Debug)]
pub struct MessageDescriptor {
    /// The name of the message, without its package.
    pub name: &'static str,
    /// The fields, in the order of the `.proto` file.
    pub fields: &'static [FieldDescriptor],
}

/// A field of a message.
#[derive(Debug)]
pub struct FieldDescriptor {
    /// The name of the field in the `.proto` file.
    pub name: &'static str,
    /// The name of the field in JSON and JavaScript.
    pub json_name: &'static str,
    /// The number of the field on the wire.
    pub number: u32,
    /// The type of the value.
    pub kind: FieldKind,
    /// Whether the field has any number of values.
    pub repeated: bool,
}

/// The type of a field. Has the types that the contract uses.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// `bool`.
    Bool,
    /// `int32`: 32 bits, signed, as a varint.
    Int32,
    /// `int64`: 64 bits, signed, as a varint.
    Int64,
    /// `sfixed64`: 64 bits, signed, in eight bytes.
    Sfixed64,
    /// `uint32`: 32 bits, unsigned, as a varint.
    Uint32,
    /// `float`: single precision.
    Float,
    /// `string`.
    String,
    /// An enum, as its names and numbers.
    Enum(&'static [(&'static str, i32)]),
    /// `google.protobuf.FieldMask`: the names of fields.
    FieldMask,
    /// Another message.
    Message(&'static MessageDescriptor),
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

impl MethodDescriptor {
    /// Returns the method at a path; `None` if the contract has no such method.
    pub fn at(path: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.path == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_describes_the_contract() {
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
