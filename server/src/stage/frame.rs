//! The stage at one tick, and the updates that bring subscribers to it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;
use soundstage_proto::encoded::{EncodedUpdate, PREFIX};
use soundstage_proto::position::StageUpdate;

use super::encoding::Row;
use super::ids::CallId;
use super::recent_leaves::RecentLeaves;

/// The largest number of updates that a frame caches. Subscribers at one rate have seen the same tick, so a frame needs
/// few.
const MAX_CACHED_UPDATES: usize = 32;

/// The stage at one tick, shared by all subscribers.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// The number of the tick; 0 before the first.
    pub(super) tick: u64,
    /// Visible characters, by id.
    rows: Box<[Row]>,
    recent_leaves: Arc<RecentLeaves>,
    /// Updates for all characters, cached by last-seen tick. Subscribers at the same rate share them; a straggler may
    /// need its own.
    updates: Mutex<Vec<(u64, Arc<SharedUpdate>)>>,
}

/// An update for all characters.
#[derive(Debug)]
struct SharedUpdate {
    /// `None` if nothing has changed.
    update: Option<EncodedUpdate>,
    /// The call that published each sample, and the range of the sample in the message.
    samples: Vec<(CallId, Range<usize>)>,
}

/// The characters and samples of an update.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selection<'a> {
    /// All characters with their samples.
    All,
    /// All characters, without samples that this call has published.
    AllExcept(CallId),
    /// The characters with these ids, without samples that the call has published, if a call is given.
    Characters(&'a [u32], Option<CallId>),
}

impl Frame {
    /// Creates a frame from rows in ascending order of their ids.
    pub(super) fn new(tick: u64, rows: Box<[Row]>, recent_leaves: Arc<RecentLeaves>) -> Self {
        Self {
            tick,
            rows,
            recent_leaves,
            updates: Mutex::default(),
        }
    }

    /// Returns the update for a subscriber that has seen the tick `seen`, 0 for none. Returns `None` if the selection
    /// has not changed since.
    pub(super) fn update_since(&self, seen: u64, selection: Selection) -> Option<EncodedUpdate> {
        match selection {
            Selection::All => self.shared_since(seen).update.clone(),
            Selection::AllExcept(call) => self.shared_since(seen).without(call),
            Selection::Characters(ids, call) => self.encode_chosen(seen, ids, call),
        }
    }

    fn shared_since(&self, seen: u64) -> Arc<SharedUpdate> {
        let mut updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, update)) = updates.iter().find(|(tick, _)| *tick == seen) {
            return Arc::clone(update);
        }
        let update = Arc::new(self.encode_all(seen));
        if updates.len() < MAX_CACHED_UPDATES {
            updates.push((seen, Arc::clone(&update)));
        }
        update
    }

    fn encode_all(&self, seen: u64) -> SharedUpdate {
        let since = self.since(seen);
        let mut samples = Vec::new();
        let mut update = vec![0; PREFIX];
        for row in &self.rows {
            row.append_character(since, &mut update);
            let start = update.len();
            if row.append_sample(since, &mut update) {
                samples.push((row.publisher, start - PREFIX..update.len() - PREFIX));
            }
        }
        SharedUpdate {
            update: self.finish(seen, update, |_| true),
            samples,
        }
    }

    fn encode_chosen(&self, seen: u64, ids: &[u32], call: Option<CallId>) -> Option<EncodedUpdate> {
        let since = self.since(seen);
        let mut update = vec![0; PREFIX];
        for id in ids {
            let Ok(index) = self.rows.binary_search_by_key(id, |row| row.id) else {
                continue;
            };
            let row = &self.rows[index];
            row.append_character(since, &mut update);
            if call != Some(row.publisher) {
                row.append_sample(since, &mut update);
            }
        }
        self.finish(seen, update, |id| ids.contains(&id))
    }

    /// Returns the tick after which rows have changed for a subscriber.
    fn since(&self, seen: u64) -> u64 {
        // Every visible row has changed after tick 0.
        if self.is_complete(seen) { 0 } else { seen }
    }

    /// Returns whether a subscriber needs a complete update.
    fn is_complete(&self, seen: u64) -> bool {
        seen == 0 || !self.recent_leaves.reaches_back_to(seen)
    }

    /// Appends the other fields of an update; returns `None` if it is empty.
    fn finish(
        &self,
        seen: u64,
        mut update: Vec<u8>,
        is_selected: impl Fn(u32) -> bool,
    ) -> Option<EncodedUpdate> {
        let mut rest = StageUpdate {
            complete: self.is_complete(seen),
            ..StageUpdate::default()
        };
        if !rest.complete {
            let left = self.recent_leaves.after(seen);
            rest.left = left.filter(|id| is_selected(*id)).collect();
        }
        update.extend(rest.encode_to_vec());
        (update.len() > PREFIX).then(|| EncodedUpdate::from_frame(update))
    }
}

impl SharedUpdate {
    /// Returns the update without the samples of a call; `None` if nothing is left.
    fn without(&self, call: CallId) -> Option<EncodedUpdate> {
        let own = || {
            self.samples
                .iter()
                .filter(|(publisher, _)| *publisher == call)
        };
        let update = self.update.as_ref()?;
        if own().next().is_none() {
            return Some(update.clone());
        }
        let message = update.message();
        let mut others = Vec::with_capacity(PREFIX + message.len());
        others.resize(PREFIX, 0);
        let mut copied = 0;
        for (_, sample) in own() {
            others.extend_from_slice(&message[copied..sample.start]);
            copied = sample.end;
        }
        others.extend_from_slice(&message[copied..]);
        (others.len() > PREFIX).then(|| EncodedUpdate::from_frame(others))
    }
}

#[cfg(test)]
mod tests {
    use soundstage_proto::position::{Character, Pos, Sample};

    use super::*;

    const POSITION: Pos = Pos {
        x: 1.0,
        y: -2.0,
        z: 0.5,
    };

    fn decoded(update: Option<EncodedUpdate>) -> StageUpdate {
        StageUpdate::decode(update.expect("an update").message()).expect("a message")
    }

    /// Returns the ids of an update's characters, and the ids of its samples.
    fn ids(update: &StageUpdate) -> (Vec<u32>, Vec<u32>) {
        let characters = update.characters.iter().map(|character| character.id);
        let samples = update.samples.iter().map(|sample| sample.character);
        (characters.collect(), samples.collect())
    }

    fn sample(character: u32, sequence: u32) -> Sample {
        Sample {
            character,
            sequence,
            position: Some(POSITION),
            ..Sample::default()
        }
    }

    /// Returns three ticks: the server publishes character 1, and a call publishes 2 and 3; 3 moves; 2 leaves.
    fn frames() -> [Frame; 3] {
        let call = CallId::SERVER.successor();
        let mut rows = [(1, CallId::SERVER), (2, call), (3, call)].map(|(id, publisher)| {
            let mut row = Row::new(id, publisher);
            let character = Character {
                id,
                ..Character::default()
            };
            row.set_character(1, character);
            row.set_sample(1, &sample(id, 1));
            row
        });
        let mut leaves = RecentLeaves::default();
        let none = Arc::new(leaves.clone());
        let first = Frame::new(1, rows.clone().into(), Arc::clone(&none));
        rows[2].set_sample(2, &sample(3, 2));
        let second = Frame::new(2, rows.clone().into(), none);
        leaves.record(3, [2].into_iter());
        let [one, _, three] = rows;
        let third = Frame::new(3, [one, three].into(), leaves.into());
        [first, second, third]
    }

    #[test]
    fn an_update_contains_the_changes_since_the_last_seen_tick() {
        let [first, second, third] = frames();
        let update = decoded(first.update_since(0, Selection::All));
        assert!(update.complete);
        assert_eq!(ids(&update), (vec![1, 2, 3], vec![1, 2, 3]));
        let update = decoded(second.update_since(1, Selection::All));
        assert!(!update.complete);
        assert_eq!(ids(&update), (vec![], vec![3]));
        assert_eq!(update.samples, [sample(3, 2)]);
        let update = decoded(third.update_since(2, Selection::All));
        assert_eq!((ids(&update), update.left), ((vec![], vec![]), vec![2]));
        let update = decoded(third.update_since(1, Selection::All));
        assert_eq!((ids(&update), update.left), ((vec![], vec![3]), vec![2]));
        assert_eq!(third.update_since(3, Selection::All), None);
        let update = decoded(third.update_since(0, Selection::All));
        assert!(update.complete && update.left.is_empty());
        assert_eq!(ids(&update), (vec![1, 3], vec![1, 3]));
    }

    #[test]
    fn an_update_for_all_is_encoded_once() {
        let [_, second, _] = frames();
        let address = || {
            let update = second.update_since(1, Selection::All);
            update.expect("an update").message().as_ptr()
        };
        assert_eq!(address(), address());
    }

    #[test]
    fn an_update_contains_only_the_selected_characters() {
        let [first, second, third] = frames();
        let selection = Selection::Characters(&[2, 9], None);
        let update = decoded(first.update_since(0, selection));
        assert_eq!(ids(&update), (vec![2], vec![2]));
        assert_eq!(second.update_since(1, selection), None);
        assert_eq!(decoded(third.update_since(2, selection)).left, [2]);
        let others = Selection::AllExcept(second.rows[2].publisher);
        assert_eq!(second.update_since(1, others), None);
        let update = decoded(first.update_since(0, others));
        assert_eq!(ids(&update), (vec![1, 2, 3], vec![1]));
        assert!(update.complete);
        let server = Selection::AllExcept(CallId::SERVER);
        let update = decoded(first.update_since(0, server));
        assert_eq!(ids(&update), (vec![1, 2, 3], vec![2, 3]));
        assert_eq!(
            second.update_since(1, server),
            second.update_since(1, Selection::All)
        );
    }
}
