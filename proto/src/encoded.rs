//! The server trait of `PositionService`, with encoded updates: a server encodes an update once for all subscribers.

use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType, skip_field};
use prost::{DecodeError, Message};

#[expect(clippy::pedantic, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/encoded/pos_xyz.rs"));
}

pub use generated::position_service_server;

/// A [`StageUpdate`](crate::position::StageUpdate) as its bytes. Encoding copies the bytes; decoding is not supported
/// and leaves the value unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedUpdate(pub Bytes);

impl From<&crate::position::StageUpdate> for EncodedUpdate {
    fn from(update: &crate::position::StageUpdate) -> Self {
        Self(update.encode_to_vec().into())
    }
}

impl Message for EncodedUpdate {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
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
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
