//! The server trait of `PositionService`, with encoded updates: a server encodes an update once for all subscribers.

use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType, skip_field};
use prost::{DecodeError, Message};

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

impl Message for EncodedUpdate {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(self.message());
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

    fn encoded_len(&self) -> usize {
        self.message().len()
    }

    fn clear(&mut self) {
        self.0 = Bytes::new();
    }
}
