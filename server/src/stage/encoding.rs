//! Characters encoded for updates.
//!
//! Two encoded messages of one type, one after the other, decode as one merged message (protocol buffers: "Last One
//! Wins"). An update is therefore a copy of the encoded rows that it contains, and a row is encoded only when it
//! changes.

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{WireType, encode_key};
use soundstage_proto::position::{Character, Sample, StageUpdate};

use super::ids::CallId;

/// The longest encoded sample within an update, in bytes: a prefix of 2, numbers of up to 6, the time of 9, the
/// position of 17.
const MAX_SAMPLE: usize = 48;

/// The field number of `StageUpdate.samples`.
const SAMPLES_FIELD: u32 = 6;

/// One character as subscribers see it, encoded.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: u32,
    /// The call that published the newest sample.
    pub(super) publisher: CallId,
    /// The tick of the last change of `character`; 0 before the first.
    character_tick: u64,
    /// The tick of the last change of `sample`; 0 before the first.
    sample_tick: u64,
    character: Bytes,
    sample: EncodedSample,
}

/// A sample encoded as a field of `StageUpdate`. Stored in place: a sample changes too often for an allocation each
/// time.
#[derive(Debug, Clone, Copy)]
struct EncodedSample {
    bytes: [u8; MAX_SAMPLE],
    length: usize,
}

impl Row {
    pub(super) fn new(id: u32, publisher: CallId) -> Self {
        Self {
            id,
            publisher,
            character_tick: 0,
            sample_tick: 0,
            character: Bytes::new(),
            sample: EncodedSample {
                bytes: [0; MAX_SAMPLE],
                length: 0,
            },
        }
    }

    pub(super) fn set_character(&mut self, tick: u64, character: Character) {
        let update = StageUpdate {
            characters: vec![character],
            ..StageUpdate::default()
        };
        self.character = update.encode_to_vec().into();
        self.character_tick = tick;
    }

    pub(super) fn set_sample(&mut self, tick: u64, sample: &Sample) {
        let mut rest = self.sample.bytes.as_mut_slice();
        let capacity = rest.len();
        encode_key(SAMPLES_FIELD, WireType::LengthDelimited, &mut rest);
        if sample.encode_length_delimited(&mut rest).is_ok() {
            self.sample.length = capacity - rest.len();
            self.sample_tick = tick;
        }
    }

    /// Appends the character to an update, if it has changed after the tick `seen`.
    pub(super) fn append_character(&self, seen: u64, update: &mut Vec<u8>) {
        if self.character_tick > seen {
            update.extend_from_slice(&self.character);
        }
    }

    /// Appends the sample to an update, if it has changed after the tick `seen`. Returns whether it has.
    pub(super) fn append_sample(&self, seen: u64, update: &mut Vec<u8>) -> bool {
        let has_changed = self.sample_tick > seen;
        if has_changed {
            update.extend_from_slice(&self.sample.bytes[..self.sample.length]);
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::Pos;

    use super::*;

    #[test]
    fn the_longest_sample_fits() {
        let mut row = Row::new(u32::MAX, CallId::default());
        let sample = Sample {
            character: u32::MAX,
            epoch: u32::MAX,
            sequence: u32::MAX,
            time_ms: i64::MIN,
            position: Some(Pos {
                x: 1.0,
                y: -2.0,
                z: 0.5,
            }),
        };
        row.set_sample(1, &sample);
        assert!(row.sample.length > sample.encoded_len());
        let mut update = Vec::new();
        assert!(row.append_sample(0, &mut update));
        let update = StageUpdate::decode(&update[..]).expect("a message");
        assert_eq!(update.samples, [sample]);
    }
}
