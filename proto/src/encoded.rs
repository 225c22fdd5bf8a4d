//! The server trait of `PositionService`, with encoded updates: a server encodes an update once for all subscribers.
//! And encoded users: a server reads many users without an allocation for each text.

use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{
    DecodeContext, WireType, encode_key, encode_varint, encoded_len_varint, key_len, skip_field,
};
use prost::{DecodeError, Message};

use crate::user::User;

#[expect(clippy::pedantic, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/encoded/pos_xyz.rs"));
}

pub use generated::position_service_server;

/// The length of a message's prefix: a flag, and the length of the message in four bytes ("gRPC over HTTP2", section
/// "Length-Prefixed-Message").
pub const PREFIX: usize = 5;

/// A [`StageUpdate`](crate::position::StageUpdate) as its bytes, with the prefix of a message: a server sends the same
/// bytes to all subscribers. Encoding copies the bytes; decoding is not supported and leaves the value unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedUpdate(Bytes);

impl EncodedUpdate {
    /// Returns an update from `frame`: [`PREFIX`] bytes, which this function sets, and the encoded message.
    ///
    /// # Panics
    /// If `frame` has fewer bytes than a prefix.
    pub fn from_frame(mut frame: Vec<u8>) -> Self {
        let length = (frame.len() - PREFIX) as u32;
        frame[0] = 0;
        frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
        Self(frame.into())
    }

    /// Returns the prefix and the message.
    pub fn frame(&self) -> Bytes {
        self.0.clone()
    }

    /// Returns the message without its prefix.
    pub fn message(&self) -> &[u8] {
        self.0.get(PREFIX..).unwrap_or_default()
    }
}

impl From<&crate::position::StageUpdate> for EncodedUpdate {
    fn from(update: &crate::position::StageUpdate) -> Self {
        let mut frame = vec![0; PREFIX];
        // A vector has room for any message.
        let _ = update.encode(&mut frame);
        Self::from_frame(frame)
    }
}

/// Implements [`Message`] for a type that knows its bytes. Decoding is not supported and leaves the value unchanged.
macro_rules! encoded_message {
    ($type:ty, $value:ident, $buffer:ident => $encode:expr, $length:expr) => {
        impl Message for $type {
            fn encode_raw(&self, $buffer: &mut impl BufMut) {
                let $value = self;
                $encode
            }

            fn encoded_len(&self) -> usize {
                let $value = self;
                $length
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: WireType,
                buffer: &mut impl Buf,
                context: DecodeContext,
            ) -> Result<(), DecodeError> {
                skip_field(wire_type, tag, buffer, context)
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}

encoded_message!(EncodedUpdate, update, buffer => buffer.put_slice(update.message()), update.message().len());

/// The fields of a user, borrowed from a row of a database.
#[derive(Debug, Clone, Copy)]
pub struct UserFields<'a> {
    /// See [`User`], as for all fields.
    pub id: u32,
    /// The nickname.
    pub nickname: &'a str,
    /// The mail address.
    pub mail_address: &'a str,
    /// The type, as its number.
    pub user_type: i32,
    /// The time of the creation.
    pub created_ms: i64,
    /// The time of the last change.
    pub updated_ms: i64,
    /// The revision.
    pub revision: i64,
}

/// Users as the bytes of [`User`] messages, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedUsers {
    /// For each user the length of the message in four bytes, and the message.
    bytes: Vec<u8>,
    count: usize,
}

impl EncodedUsers {
    /// Appends a user.
    pub fn push(&mut self, user: &UserFields<'_>) {
        let bytes = &mut self.bytes;
        let start = bytes.len();
        bytes.put_u32(0);
        put_varint(bytes, 1, user.id.into());
        put_text(bytes, 2, user.nickname);
        put_text(bytes, 3, user.mail_address);
        // A negative number is extended to 64 bits ("Encoding", section "Signed Integers").
        put_varint(bytes, 4, i64::from(user.user_type) as u64);
        put_fixed(bytes, 5, user.created_ms);
        put_fixed(bytes, 6, user.updated_ms);
        put_varint(bytes, 7, user.revision as u64);
        let length = (bytes.len() - start - LENGTH) as u32;
        bytes[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
        self.count += 1;
    }

    /// Returns the number of users.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Decodes the users.
    ///
    /// # Panics
    /// Never: the bytes are those of [`EncodedUsers::push`].
    pub fn decode(self) -> Vec<User> {
        let decode = |user: EncodedUser| User::decode(user.0).expect("an encoded user");
        self.into_iter().map(decode).collect()
    }
}

/// The length of a length in [`EncodedUsers`].
const LENGTH: usize = 4;

/// Appends a number, unless it is the default.
fn put_varint(bytes: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        encode_key(field, WireType::Varint, bytes);
        encode_varint(value, bytes);
    }
}

fn put_fixed(bytes: &mut Vec<u8>, field: u32, value: i64) {
    if value != 0 {
        encode_key(field, WireType::SixtyFourBit, bytes);
        bytes.put_i64_le(value);
    }
}

fn put_text(bytes: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        encode_key(field, WireType::LengthDelimited, bytes);
        encode_varint(text.len() as u64, bytes);
        bytes.put_slice(text.as_bytes());
    }
}

impl<'a> FromIterator<&'a User> for EncodedUsers {
    fn from_iter<I: IntoIterator<Item = &'a User>>(users: I) -> Self {
        let mut encoded = Self::default();
        for user in users {
            encoded.push(&UserFields {
                id: user.id,
                nickname: &user.nickname,
                mail_address: &user.mail_address,
                user_type: user.user_type,
                created_ms: user.created_ms,
                updated_ms: user.updated_ms,
                revision: user.revision,
            });
        }
        encoded
    }
}

impl IntoIterator for EncodedUsers {
    type Item = EncodedUser;
    type IntoIter = EncodedUsersIter;

    fn into_iter(self) -> EncodedUsersIter {
        EncodedUsersIter {
            bytes: self.bytes.into(),
            count: self.count,
        }
    }
}

/// The users of an [`EncodedUsers`]. They share its bytes.
#[derive(Debug, Clone, Default)]
pub struct EncodedUsersIter {
    bytes: Bytes,
    count: usize,
}

impl Iterator for EncodedUsersIter {
    type Item = EncodedUser;

    fn next(&mut self) -> Option<EncodedUser> {
        self.count = self.count.checked_sub(1)?;
        let length = self.bytes.get_u32() as usize;
        Some(EncodedUser(self.bytes.split_to(length)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for EncodedUsersIter {}

/// A [`User`] as its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedUser(Bytes);

encoded_message!(EncodedUser, user, buffer => buffer.put_slice(&user.0), user.0.len());

/// A [`UserResponse`](crate::user::UserResponse) with a user, and without an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedUserResponse(pub EncodedUser);

/// The field number of `UserResponse.user`.
const USER_FIELD: u32 = 3;

encoded_message!(
    EncodedUserResponse,
    response,
    buffer => {
        let user = &response.0.0;
        encode_key(USER_FIELD, WireType::LengthDelimited, buffer);
        encode_varint(user.len() as u64, buffer);
        buffer.put_slice(user);
    },
    {
        let length = response.0.0.len();
        key_len(USER_FIELD) + encoded_len_varint(length as u64) + length
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::UserResponse;

    #[test]
    fn encoded_users_are_the_bytes_of_their_messages() {
        let full = User {
            id: u32::MAX,
            nickname: "猿".repeat(64),
            mail_address: "a".repeat(254),
            user_type: -1,
            created_ms: i64::MIN,
            updated_ms: 1,
            revision: -1,
        };
        let users = [full, User::default()];
        let encoded: EncodedUsers = users.iter().collect();
        assert_eq!(encoded.len(), 2);
        assert_eq!(encoded.clone().decode(), users);
        for (encoded, user) in encoded.into_iter().zip(users) {
            assert_eq!(encoded.encode_to_vec(), user.encode_to_vec());
            let response = UserResponse {
                user: Some(user),
                ..UserResponse::default()
            };
            let encoded = EncodedUserResponse(encoded);
            assert_eq!(encoded.encode_to_vec(), response.encode_to_vec());
            assert_eq!(encoded.encoded_len(), response.encoded_len());
        }
    }
}
