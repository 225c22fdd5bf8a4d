//! What is on the stage at one tick, and its bytes for those who receive it.
//!
//! A message that is two messages' bytes one after the other is both of them merged (protocol buffers, "Last one wins"), so an
//! update is the encoded characters and samples of its rows, copied together. Each is encoded once, when it changes.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{WireType, encode_key};
use soundstage_proto::position::{Character, Sample, StageUpdate};

use super::roster::CallId;

/// How many updates a frame keeps: subscribers of one rate have seen the same, up to a tick, so there are few. Who has fallen behind
/// in a way of its own may have to be encoded for.
const UPDATES_KEPT: usize = 32;

/// The longest encoded sample within an update: two bytes before it, numbers of up to 6 bytes, the time of 9, the position of 17.
const SAMPLE_MAX: usize = 48;

/// The stage at one tick. Shared by all who have yet to take it.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Its number; 0 is before the first.
    pub(super) tick: u64,
    /// By id.
    rows: Box<[Row]>,
    /// Who has left at which tick, oldest first, since `known_since`.
    departures: Box<[(u64, u32)]>,
    known_since: u64,
    /// What everybody receives who has seen a tick.
    updates: Mutex<Vec<(u64, Option<Bytes>)>>,
}

/// One character, encoded.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: u32,
    /// Who moved it last.
    pub(super) mover: CallId,
    /// The ticks of its last changes.
    renamed: u64,
    moved: u64,
    character: Bytes,
    sample: EncodedSample,
}

#[derive(Debug, Clone, Copy)]
struct EncodedSample {
    bytes: [u8; SAMPLE_MAX],
    length: usize,
}

/// Whom an update is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selection<'a> {
    All,
    /// All, but not the samples that this call has sent.
    Others(CallId),
    /// These; and if a call asks, not its own samples.
    These(&'a [u32], Option<CallId>),
}

impl Row {
    pub(super) fn new(id: u32, mover: CallId) -> Self {
        Self {
            id,
            mover,
            renamed: 0,
            moved: 0,
            character: Bytes::new(),
            sample: EncodedSample {
                bytes: [0; SAMPLE_MAX],
                length: 0,
            },
        }
    }

    pub(super) fn rename(&mut self, tick: u64, character: Character) {
        let update = StageUpdate {
            characters: vec![character],
            ..StageUpdate::default()
        };
        self.character = update.encode_to_vec().into();
        self.renamed = tick;
    }

    pub(super) fn move_to(&mut self, tick: u64, sample: &Sample) {
        let mut rest = self.sample.bytes.as_mut_slice();
        let before = rest.len();
        // The field's number (`StageUpdate.samples` is 6) and kind (2, a length and bytes), as protobuf writes them.
        encode_key(6, WireType::LengthDelimited, &mut rest);
        if sample.encode_length_delimited(&mut rest).is_ok() {
            self.sample.length = before - rest.len();
            self.moved = tick;
        }
    }
}

impl Frame {
    pub(super) fn new(
        tick: u64,
        rows: Box<[Row]>,
        departures: Box<[(u64, u32)]>,
        known_since: u64,
    ) -> Self {
        Self {
            tick,
            rows,
            departures,
            known_since,
            updates: Mutex::default(),
        }
    }

    /// What somebody must be told who has seen this tick, 0 for nothing yet; `None` if nothing has changed.
    pub(super) fn since(&self, seen: u64, selection: Selection) -> Option<Bytes> {
        if !matches!(selection, Selection::All) {
            return self.put_together(seen, selection);
        }
        let mut updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, update)) = updates.iter().find(|(tick, _)| *tick == seen) {
            return update.clone();
        }
        let update = self.put_together(seen, selection);
        if updates.len() < UPDATES_KEPT {
            updates.push((seen, update.clone()));
        }
        update
    }

    fn put_together(&self, seen: u64, selection: Selection) -> Option<Bytes> {
        let is_complete = seen == 0 || seen < self.known_since;
        let mut update = Vec::new();
        let mut add = |row: &Row| {
            if is_complete || row.renamed > seen {
                update.extend_from_slice(&row.character);
            }
            if (is_complete || row.moved > seen) && selection.has_sample(row) {
                update.extend_from_slice(&row.sample.bytes[..row.sample.length]);
            }
        };
        match selection {
            Selection::These(ids, _) => ids
                .iter()
                .filter_map(|id| self.rows.binary_search_by_key(id, |row| row.id).ok())
                .for_each(|index| add(&self.rows[index])),
            Selection::All | Selection::Others(_) => self.rows.iter().for_each(add),
        }
        let has_left =
            |&&(tick, id): &&(u64, u32)| !is_complete && tick > seen && selection.has(id);
        let rest = StageUpdate {
            complete: is_complete,
            left: self
                .departures
                .iter()
                .filter(has_left)
                .map(|(_, id)| *id)
                .collect(),
            ..StageUpdate::default()
        };
        update.extend(rest.encode_to_vec());
        (!update.is_empty()).then(|| update.into())
    }
}

impl Selection<'_> {
    fn has(&self, id: u32) -> bool {
        match self {
            Self::All | Self::Others(_) => true,
            Self::These(ids, _) => ids.contains(&id),
        }
    }

    fn has_sample(&self, row: &Row) -> bool {
        match self {
            Self::All | Self::These(_, None) => true,
            Self::Others(call) | Self::These(_, Some(call)) => row.mover != *call,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use soundstage_proto::position::Pos;
    use tokio::time::Instant;

    use super::super::roster::{JoinRequest, Roster};
    use super::*;

    const HERE: Pos = Pos {
        x: 1.0,
        y: -2.0,
        z: 0.5,
    };

    fn decoded(bytes: Option<Bytes>) -> StageUpdate {
        StageUpdate::decode(bytes.expect("an update")).expect("a message")
    }

    fn ids(update: &StageUpdate) -> (Vec<u32>, Vec<u32>) {
        let characters = update.characters.iter().map(|character| character.id);
        let samples = update.samples.iter().map(|sample| sample.character);
        (characters.collect(), samples.collect())
    }

    /// Two characters beside the default one, at ticks 1 to 3: they come, the second moves, the first leaves.
    fn frames() -> [Frame; 3] {
        let mut roster = Roster::new(Duration::from_secs(3), Duration::from_secs(10));
        let now = Instant::now();
        let call = roster.open();
        roster.see_walker(HERE, 1);
        let join = |roster: &mut Roster, name: &str| {
            let joining = JoinRequest {
                name: name.into(),
                ..JoinRequest::default()
            };
            let id = roster.join(call, joining, now).expect("room").id;
            let sample = Sample {
                character: id,
                ..Sample::default()
            };
            roster.sample(call, &sample, HERE, now, 1).expect("moved");
            sample
        };
        let ann = join(&mut roster, "Ann");
        let bob = join(&mut roster, "Bob");
        let first = roster.tick(1, now).expect("a change");
        roster.sample(call, &bob, HERE, now, 2).expect("moved");
        let second = roster.tick(2, now).expect("a change");
        roster.leave(call, ann.character).expect("left");
        let third = roster.tick(3, now).expect("a change");
        assert!(roster.tick(4, now).is_none(), "nothing has changed");
        [first, second, third]
    }

    #[test]
    fn an_update_says_what_has_changed_since_the_last_that_was_seen() {
        let [first, second, third] = frames();
        let update = decoded(first.since(0, Selection::All));
        assert!(update.complete);
        assert_eq!(ids(&update), (vec![1, 2, 3], vec![1, 2, 3]));
        let update = decoded(second.since(1, Selection::All));
        assert!(!update.complete);
        assert_eq!(ids(&update), (vec![], vec![3]));
        assert_eq!(update.samples[0].position, Some(HERE));
        assert_eq!(
            (update.samples[0].epoch, update.samples[0].sequence),
            (1, 2)
        );
        let update = decoded(third.since(2, Selection::All));
        assert_eq!((ids(&update), update.left), ((vec![], vec![]), vec![2]));
        let update = decoded(third.since(1, Selection::All));
        assert_eq!((ids(&update), update.left), ((vec![], vec![3]), vec![2]));
        assert_eq!(third.since(3, Selection::All), None);
        let update = decoded(third.since(0, Selection::All));
        assert!(update.complete && update.left.is_empty());
        assert_eq!(ids(&update), (vec![1, 3], vec![1, 3]));
    }

    #[test]
    fn an_update_for_all_is_encoded_once() {
        let [_, second, _] = frames();
        let (one, other) = (
            second.since(1, Selection::All),
            second.since(1, Selection::All),
        );
        let address = |bytes: Option<Bytes>| bytes.expect("an update").as_ptr();
        assert_eq!(address(one), address(other));
    }

    #[test]
    fn an_update_is_about_those_who_were_chosen() {
        let [first, second, third] = frames();
        let these = Selection::These(&[2, 9], None);
        assert_eq!(ids(&decoded(first.since(0, these))), (vec![2], vec![2]));
        assert_eq!(second.since(1, these), None);
        assert_eq!(decoded(third.since(2, these)).left, [2]);
        let mover = second.rows[2].mover;
        assert_eq!(second.since(1, Selection::Others(mover)), None);
        let update = decoded(first.since(0, Selection::Others(mover)));
        assert_eq!(ids(&update), (vec![1, 2, 3], vec![1]));
    }

    #[test]
    fn the_longest_sample_fits() {
        let mut row = Row::new(u32::MAX, CallId::default());
        let sample = Sample {
            character: u32::MAX,
            epoch: u32::MAX,
            sequence: u32::MAX,
            time_ms: i64::MIN,
            position: Some(HERE),
        };
        row.move_to(1, &sample);
        assert!(row.sample.length > sample.encoded_len());
    }
}
