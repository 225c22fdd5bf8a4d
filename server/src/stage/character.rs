//! One character on the stage.

use std::time::Duration;

use soundstage_proto::position::{Character, Pos, Sample};
use tokio::time::Instant;

use super::frame::Row;
use super::roster::{CallId, JoinRequest};

/// A character, whose call it is, and what has changed about it since the last tick.
#[derive(Debug)]
pub(super) struct CharacterState {
    name: String,
    user_id: u32,
    pub(super) source: String,
    pub(super) owner: CallId,
    /// Another call that moves it, and until when it does.
    taken: Option<(CallId, Instant)>,
    /// Its owner was last heard of.
    pub(super) heard: Instant,
    /// Since when it is stale.
    pub(super) stale: Option<Instant>,
    /// The newest; without a position until the first has come.
    pub(super) sample: Sample,
    /// How it looks to subscribers, as of the last tick.
    pub(super) row: Row,
    /// What has changed since then.
    is_renamed: bool,
    is_moved: bool,
}

impl CharacterState {
    pub(super) fn new(id: u32, owner: CallId, joining: JoinRequest, now: Instant) -> Self {
        let JoinRequest {
            name,
            user_id,
            source,
        } = joining;
        Self {
            name,
            user_id,
            source,
            owner,
            taken: None,
            heard: now,
            stale: None,
            sample: Sample {
                character: id,
                epoch: 1,
                ..Sample::default()
            },
            row: Row::new(id, owner),
            is_renamed: true,
            is_moved: false,
        }
    }

    /// Its source is back.
    pub(super) fn resume(&mut self, owner: CallId, joining: JoinRequest, now: Instant) {
        self.name = joining.name;
        self.user_id = joining.user_id;
        self.owner = owner;
        self.taken = None;
        self.heard = now;
        self.stale = None;
        self.is_renamed = true;
        self.begin_epoch(owner);
    }

    fn begin_epoch(&mut self, mover: CallId) {
        self.sample.epoch += 1;
        self.sample.sequence = 0;
        self.row.mover = mover;
    }

    /// It is on the stage once it has a place.
    pub(super) fn is_seen(&self) -> bool {
        self.sample.position.is_some()
    }

    pub(super) fn character(&self) -> Character {
        Character {
            id: self.row.id,
            name: self.name.clone(),
            user_id: self.user_id,
            stale: self.stale.is_some(),
            source: String::new(),
        }
    }

    /// Whether this call moves it now: its owner, unless another has taken it over a moment ago, or any other, who takes it over.
    pub(super) fn is_moved_by(&mut self, call: CallId, now: Instant, hold: Duration) -> bool {
        if call == self.owner {
            let is_taken = self.taken.is_some_and(|(_, until)| now < until);
            return !is_taken;
        }
        self.taken = Some((call, now + hold));
        true
    }

    pub(super) fn place(&mut self, mover: CallId, sample: &Sample, position: Pos, wall_clock: i64) {
        if self.row.mover != mover {
            self.begin_epoch(mover);
        }
        let last = self.sample.sequence;
        let sequence = match sample.sequence {
            0 => last.saturating_add(1),
            sequence => sequence,
        };
        let is_old = sequence <= last;
        if is_old {
            return;
        }
        self.sample.sequence = sequence;
        self.sample.time_ms = match sample.time_ms {
            0 => wall_clock,
            time => time,
        };
        self.sample.position = Some(position);
        self.is_moved = true;
    }

    /// Notes whether its source is silent; whether it has been for so long that it leaves.
    pub(super) fn grow_old(&mut self, now: Instant, hold: Duration, leave: Duration) -> bool {
        let is_silent = now.saturating_duration_since(self.heard) > hold;
        if is_silent == self.stale.is_some() {
            return self.stale.is_some_and(|since| now > since + leave);
        }
        self.stale = is_silent.then_some(now);
        self.is_renamed = true;
        false
    }

    /// Brings what subscribers see up to date; whether it has changed.
    pub(super) fn encode(&mut self, tick: u64) -> bool {
        if !self.is_seen() {
            return false;
        }
        let changed = self.is_renamed || self.is_moved;
        if std::mem::take(&mut self.is_renamed) {
            let character = self.character();
            self.row.rename(tick, character);
        }
        if std::mem::take(&mut self.is_moved) {
            self.row.move_to(tick, &self.sample);
        }
        changed
    }
}
