//! Messages as bytes, for a server that sends many: an update that all subscribers share, and users that are encoded as
//! they are read.

use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _, Bytes};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::user::{User, UserResponse};

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

impl From<EncodedUpdate> for Bytes {
    /// Returns the prefix and the message.
    fn from(update: EncodedUpdate) -> Self {
        update.0
    }
}

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

impl<'a> From<&'a User> for UserFields<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            nickname: &user.nickname,
            mail_address: &user.mail_address,
            user_type: user.user_type,
            created_ms: user.created_ms,
            updated_ms: user.updated_ms,
            revision: user.revision,
        }
    }
}

/// The message that carries each user of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserMessage {
    /// [`User`] itself.
    User,
    /// [`UserResponse`](crate::user::UserResponse), without an error.
    UserResponse,
}

/// Users as the frames of a stream: for each user the prefix of a message, and the message. Clones share the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedUsers {
    frames: Bytes,
    count: usize,
    message: UserMessage,
}

impl EncodedUsers {
    /// Returns the number of users.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns the number of bytes of the frames.
    pub fn byte_len(&self) -> usize {
        self.frames.len()
    }

    /// Returns whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Decodes the users.
    ///
    /// # Panics
    /// Never: the bytes are those of a [`UserEncoder`].
    pub fn decode(&self) -> Vec<User> {
        let mut frames = self.frames.clone();
        let mut users = Vec::with_capacity(self.count);
        while !frames.is_empty() {
            frames.advance(1);
            let length = frames.get_u32() as usize;
            let message = frames.split_to(length);
            let user = match self.message {
                UserMessage::User => User::decode(message).ok(),
                UserMessage::UserResponse => {
                    let response = UserResponse::decode(message).ok();
                    response.and_then(|response| response.user)
                }
            };
            users.push(user.expect("an encoded user"));
        }
        users
    }
}

impl From<EncodedUsers> for Bytes {
    fn from(users: EncodedUsers) -> Self {
        users.frames
    }
}

/// Encodes users, one after the other.
#[derive(Debug)]
pub struct UserEncoder {
    frames: Vec<u8>,
    count: usize,
    message: UserMessage,
    /// The last user.
    user: Vec<u8>,
}

impl UserEncoder {
    /// Returns an encoder without users.
    pub fn new(message: UserMessage) -> Self {
        Self {
            frames: Vec::new(),
            count: 0,
            message,
            user: Vec::new(),
        }
    }

    /// Appends a user.
    pub fn push(&mut self, user: &UserFields<'_>) {
        let bytes = &mut self.user;
        bytes.clear();
        put_varint(bytes, 1, user.id.into());
        put_text(bytes, 2, user.nickname);
        put_text(bytes, 3, user.mail_address);
        // A negative number is extended to 64 bits ("Encoding", section "Signed Integers").
        put_varint(bytes, 4, i64::from(user.user_type) as u64);
        put_fixed(bytes, 5, user.created_ms);
        put_fixed(bytes, 6, user.updated_ms);
        put_varint(bytes, 7, user.revision as u64);

        let length = bytes.len();
        let frames = &mut self.frames;
        frames.put_u8(0);
        match self.message {
            UserMessage::User => frames.put_u32(length as u32),
            UserMessage::UserResponse => {
                let key = key_len(USER_FIELD) + encoded_len_varint(length as u64);
                frames.put_u32((key + length) as u32);
                encode_key(USER_FIELD, WireType::LengthDelimited, frames);
                encode_varint(length as u64, frames);
            }
        }
        frames.put_slice(bytes);
        self.count += 1;
    }

    /// Returns the number of bytes of the frames.
    pub fn byte_len(&self) -> usize {
        self.frames.len()
    }

    /// Returns the users.
    pub fn finish(self) -> EncodedUsers {
        EncodedUsers {
            // Without the spare capacity, which a slow client would hold.
            frames: self.frames.into_boxed_slice().into(),
            count: self.count,
            message: self.message,
        }
    }
}

/// The field number of `UserResponse.user`.
const USER_FIELD: u32 = 3;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_users_are_the_frames_of_their_messages() {
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
        for message in [UserMessage::User, UserMessage::UserResponse] {
            let mut encoder = UserEncoder::new(message);
            for user in &users {
                encoder.push(&user.into());
            }
            let users_in_frames = encoder.finish();
            assert_eq!(users_in_frames.len(), 2);
            assert_eq!(users_in_frames.decode(), users);
            let mut frames = Vec::new();
            for user in &users {
                let bytes = match message {
                    UserMessage::User => user.encode_to_vec(),
                    UserMessage::UserResponse => {
                        let user = Some(user.clone());
                        let response = UserResponse {
                            user,
                            ..UserResponse::default()
                        };
                        response.encode_to_vec()
                    }
                };
                frames.put_u8(0);
                frames.put_u32(bytes.len() as u32);
                frames.extend(bytes);
            }
            assert_eq!(Bytes::from(users_in_frames), frames);
        }
    }
}
