//! The state of one character.

use std::time::Duration;

use soundstage_proto::position::{Character, Pos, Sample};
use tokio::time::Instant;

use super::encoding::Row;
use super::ids::{CallId, Owner};
use super::requests::JoinRequest;

/// A character, the call that owns it, and its changes since the last tick.
#[derive(Debug)]
pub(super) struct CharacterState {
    name: String,
    user_id: u32,
    pub(super) source: String,
    pub(super) owner: Owner,
    /// The end of a takeover by another call; `None` if no other call has moved the character.
    taken_over_until: Option<Instant>,
    /// The time of the owner's last request; `None` once the owner's call has ended.
    pub(super) last_heard: Option<Instant>,
    /// The time at which the character became stale; `None` while it is fresh.
    pub(super) stale_since: Option<Instant>,
    /// The newest sample. Without a position until the first sample arrives.
    pub(super) sample: Sample,
    /// The encoded state as of the last tick.
    pub(super) row: Row,
    /// Whether the name, the user or staleness has changed since the last tick.
    is_character_dirty: bool,
    /// Whether the sample has changed since the last tick.
    is_sample_dirty: bool,
}

impl CharacterState {
    pub(super) fn new(id: u32, owner: Owner, request: JoinRequest, now: Instant) -> Self {
        let JoinRequest {
            name,
            user_id,
            source,
        } = request;
        Self {
            name,
            user_id,
            source,
            owner,
            taken_over_until: None,
            last_heard: Some(now),
            stale_since: None,
            sample: Sample {
                character: id,
                epoch: 1,
                ..Sample::default()
            },
            row: Row::new(id, owner.call),
            is_character_dirty: true,
            is_sample_dirty: false,
        }
    }

    /// Gives the character to the new call of its source.
    pub(super) fn resume(&mut self, owner: Owner, request: JoinRequest, now: Instant) {
        self.name = request.name;
        self.user_id = request.user_id;
        self.owner = owner;
        self.taken_over_until = None;
        self.last_heard = Some(now);
        self.stale_since = None;
        self.is_character_dirty = true;
        self.begin_epoch(owner.call);
    }

    /// Begins the next epoch. The epoch after the largest number is 1: receivers check only whether the number has
    /// changed.
    fn begin_epoch(&mut self, publisher: CallId) {
        self.sample.epoch = self.sample.epoch.checked_add(1).unwrap_or(1);
        self.sample.sequence = 0;
        self.row.publisher = publisher;
    }

    /// Returns whether subscribers see the character, which needs a position.
    pub(super) fn is_visible(&self) -> bool {
        self.sample.position.is_some()
    }

    /// Returns the character as subscribers see it. The source is visible to its own call only.
    pub(super) fn character(&self) -> Character {
        Character {
            id: self.row.id,
            name: self.name.clone(),
            user_id: self.user_id,
            stale: self.stale_since.is_some(),
            source: String::new(),
        }
    }

    /// Returns whether the call may move the character now. The owner may not during a takeover, which lasts for `hold`
    /// after the other call's last sample. Any other call may, and takes the character over.
    pub(super) fn claim(&mut self, call: CallId, now: Instant, hold: Duration) -> bool {
        if call == self.owner.call {
            return self.taken_over_until.is_none_or(|until| now >= until);
        }
        self.taken_over_until = Some(now + hold);
        true
    }

    /// Applies a sample. Ignores a sample whose sequence number is not above the last number of this epoch. A new
    /// publisher begins a new epoch.
    pub(super) fn apply_sample(
        &mut self,
        publisher: CallId,
        sample: &Sample,
        position: Pos,
        wall_clock: i64,
    ) {
        if self.row.publisher != publisher {
            self.begin_epoch(publisher);
        }
        let last = self.sample.sequence;
        let sequence = match sample.sequence {
            0 => last.saturating_add(1),
            sequence => sequence,
        };
        if sequence <= last {
            return;
        }
        self.sample.sequence = sequence;
        self.sample.time_ms = match sample.time_ms {
            0 => wall_clock,
            time => time,
        };
        self.sample.position = Some(position);
        self.is_sample_dirty = true;
    }

    /// Updates staleness. Returns true once the character should be evicted.
    pub(super) fn update_staleness(
        &mut self,
        now: Instant,
        hold: Duration,
        evict_after: Duration,
    ) -> bool {
        let is_stale = self
            .last_heard
            .is_none_or(|heard| now.saturating_duration_since(heard) > hold);
        if is_stale == self.stale_since.is_some() {
            return self
                .stale_since
                .is_some_and(|since| now > since + evict_after);
        }
        self.stale_since = is_stale.then_some(now);
        self.is_character_dirty = true;
        false
    }

    /// Encodes what has changed since the last tick. Returns whether the row has changed.
    pub(super) fn update_row(&mut self, tick: u64) -> bool {
        if !self.is_visible() {
            return false;
        }
        let has_changed = self.is_character_dirty || self.is_sample_dirty;
        if std::mem::take(&mut self.is_character_dirty) {
            let character = self.character();
            self.row.set_character(tick, character);
        }
        if std::mem::take(&mut self.is_sample_dirty) {
            self.row.set_sample(tick, &self.sample);
        }
        has_changed
    }
}
