//! All characters on the stage, and the calls that own them.
//!
//! Plain state: each method takes the current time as an argument, so tests control the clock.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Character, Pos, Sample};
use tokio::time::Instant;

use super::character::CharacterState;
use super::frame::Frame;
use super::ids::{CallId, CharacterIds};
use super::index::Index;
use super::recent_leaves::RecentLeaves;
use super::requests::{JoinError, JoinRequest, MoveError};

/// The most characters on the stage, which bounds its memory.
const MAX_CHARACTERS: usize = 10_000;

/// All characters on the stage.
#[derive(Debug)]
pub(super) struct Roster {
    /// How long a character stays fresh without a request of its owner, and how long a takeover lasts.
    hold: Duration,
    /// How long a stale character stays on the stage.
    evict_after: Duration,
    characters: BTreeMap<u32, CharacterState>,
    index: Index,
    ids: CharacterIds,
    last_call: CallId,
    /// Characters removed since the last tick.
    removed: Vec<u32>,
    recent_leaves: RecentLeaves,
}

impl Roster {
    /// Creates a roster with the default character alone.
    pub(super) fn new(hold: Duration, evict_after: Duration) -> Self {
        let request = JoinRequest {
            name: "Walker".into(),
            ..JoinRequest::default()
        };
        let walker =
            CharacterState::new(DEFAULT_CHARACTER, CallId::SERVER, request, Instant::now());
        Self {
            hold,
            evict_after,
            characters: BTreeMap::from([(DEFAULT_CHARACTER, walker)]),
            index: Index::default(),
            ids: CharacterIds::new(),
            last_call: CallId::SERVER,
            removed: Vec::new(),
            recent_leaves: RecentLeaves::default(),
        }
    }

    pub(super) fn open_call(&mut self) -> CallId {
        self.last_call = self.last_call.successor();
        self.last_call
    }

    /// Adds a character, or resumes the character of the same source in a new epoch. Returns the character with its
    /// source.
    pub(super) fn join(
        &mut self,
        call: CallId,
        request: JoinRequest,
        now: Instant,
    ) -> Result<Character, JoinError> {
        let known = self.index.of_source(&request.source);
        if known.is_none() && self.characters.len() >= MAX_CHARACTERS {
            return Err(JoinError::Full);
        }
        let id = known.unwrap_or_else(|| self.ids.issue());
        self.index.add_source(&request.source, id);
        let state = match self.characters.entry(id) {
            Entry::Occupied(entry) => {
                let state = entry.into_mut();
                self.index.remove_owner(state.owner, id);
                state.resume(call, request, now);
                state
            }
            Entry::Vacant(entry) => entry.insert(CharacterState::new(id, call, request, now)),
        };
        self.index.add_owner(call, id);
        Ok(Character {
            source: state.source.clone(),
            ..state.character()
        })
    }

    /// Applies a sample, and returns the id of its character. Ignores a sample of a character that has left: its source
    /// may not know yet.
    pub(super) fn apply_sample(
        &mut self,
        call: CallId,
        sample: &Sample,
        position: Pos,
        now: Instant,
        wall_clock: i64,
    ) -> Result<u32, MoveError> {
        let id = match sample.character {
            0 => {
                let mut owned = self.index.owned_by(call);
                owned.next().ok_or(MoveError::NotJoined)?
            }
            id if !self.ids.has_issued(id) => return Err(MoveError::Unknown),
            id => id,
        };
        if let Some(state) = self.characters.get_mut(&id) {
            if state.owner == call {
                state.last_heard = now;
            }
            if state.claim(call, now, self.hold) {
                state.apply_sample(call, sample, position, wall_clock);
            }
        }
        Ok(id)
    }

    /// Keeps the call's characters fresh.
    pub(super) fn heartbeat(&mut self, call: CallId, now: Instant) {
        self.for_each_owned(call, |state| state.last_heard = now);
    }

    /// Removes a character of the call. Does nothing if the character has left already.
    pub(super) fn leave(&mut self, call: CallId, id: u32) -> Result<(), MoveError> {
        if !self.ids.has_issued(id) {
            return Err(MoveError::Unknown);
        }
        match self.characters.get(&id) {
            Some(state) if state.owner != call => return Err(MoveError::NotYours),
            Some(_) => self.remove(id),
            None => (),
        }
        Ok(())
    }

    /// Removes all characters of the call. Returns whether the call had any.
    pub(super) fn leave_all(&mut self, call: CallId) -> bool {
        let owned: Vec<_> = self.index.owned_by(call).collect();
        for id in &owned {
            self.remove(*id);
        }
        !owned.is_empty()
    }

    /// Makes the call's characters stale at the next tick: the call has ended without removing them.
    pub(super) fn disconnect(&mut self, call: CallId) {
        let hold = self.hold;
        self.for_each_owned(call, |state| {
            let long_ago = state.last_heard.checked_sub(hold);
            state.last_heard = long_ago.unwrap_or(state.last_heard);
        });
    }

    /// Moves the default character, if the position differs.
    pub(super) fn move_default(&mut self, position: Pos, wall_clock: i64) {
        if let Some(walker) = self.characters.get_mut(&DEFAULT_CHARACTER)
            && walker.sample.position != Some(position)
        {
            walker.apply_sample(CallId::SERVER, &Sample::default(), position, wall_clock);
        }
    }

    /// Evicts silent characters, and makes the frame of this tick. Returns `None` if nothing has changed since the
    /// last.
    pub(super) fn advance(&mut self, tick: u64, now: Instant) -> Option<Frame> {
        self.evict_silent(now);
        let mut has_changed = !self.removed.is_empty();
        self.recent_leaves.record(tick, self.removed.drain(..));
        for state in self.characters.values_mut() {
            has_changed |= state.update_row(tick);
        }
        has_changed.then(|| {
            let visible = self.characters.values().filter(|state| state.is_visible());
            let rows = visible.map(|state| state.row.clone()).collect();
            Frame::new(tick, rows, self.recent_leaves.clone())
        })
    }

    fn evict_silent(&mut self, now: Instant) {
        let (hold, evict_after) = (self.hold, self.evict_after);
        let characters = self.characters.iter_mut();
        let silent = characters.filter_map(|(id, state)| {
            let is_due =
                state.owner != CallId::SERVER && state.update_staleness(now, hold, evict_after);
            is_due.then_some(*id)
        });
        for id in silent.collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u32) {
        let Some(state) = self.characters.remove(&id) else {
            return;
        };
        self.index.remove_source(&state.source);
        self.index.remove_owner(state.owner, id);
        self.removed.push(id);
    }

    fn for_each_owned(&mut self, call: CallId, mut change: impl FnMut(&mut CharacterState)) {
        for id in self.index.owned_by(call) {
            if let Some(state) = self.characters.get_mut(&id) {
                change(state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(3);
    const EVICT_AFTER: Duration = Duration::from_secs(10);

    fn at(x: f32) -> Pos {
        Pos { x, y: 0.0, z: 0.0 }
    }

    fn named(name: &str, source: &str) -> JoinRequest {
        JoinRequest {
            name: name.into(),
            user_id: 0,
            source: source.into(),
        }
    }

    /// A roster and its clock.
    struct Fixture {
        roster: Roster,
        now: Instant,
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                roster: Roster::new(HOLD, EVICT_AFTER),
                now: Instant::now(),
            }
        }

        fn join(&mut self, call: CallId, request: JoinRequest) -> u32 {
            let character = self.roster.join(call, request, self.now);
            character.expect("room").id
        }

        fn move_to(&mut self, call: CallId, character: u32, sequence: u32, x: f32) {
            let sample = Sample {
                character,
                sequence,
                ..Sample::default()
            };
            let moved = self.roster.apply_sample(call, &sample, at(x), self.now, 5);
            moved.expect("a character");
        }

        fn newest(&self, id: u32) -> &Sample {
            &self.roster.characters[&id].sample
        }

        fn x(&self, id: u32) -> f32 {
            self.newest(id).position.expect("a position").x
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            let _ = self.roster.advance(1, self.now);
        }

        /// Whether the character is stale; `None` if it is not on the stage.
        fn is_stale(&self, id: u32) -> Option<bool> {
            let state = self.roster.characters.get(&id);
            state.map(|state| state.stale_since.is_some())
        }
    }

    #[test]
    fn a_character_without_requests_becomes_stale_and_is_evicted() {
        let mut stage = Fixture::new();
        let call = stage.roster.open_call();
        let ann = stage.join(call, named("Ann", ""));
        stage.move_to(call, 0, 0, 1.0);
        stage.pass(HOLD);
        assert_eq!(stage.is_stale(ann), Some(false));
        stage.roster.heartbeat(call, stage.now);
        stage.pass(HOLD);
        assert_eq!(stage.is_stale(ann), Some(false));
        stage.pass(Duration::from_millis(1));
        assert_eq!(stage.is_stale(ann), Some(true));
        stage.roster.heartbeat(call, stage.now);
        stage.pass(Duration::from_millis(1));
        assert_eq!(stage.is_stale(ann), Some(false), "a heartbeat arrived");
        stage.roster.disconnect(call);
        stage.pass(Duration::from_millis(1));
        assert_eq!(stage.is_stale(ann), Some(true), "the call disconnected");
        stage.pass(EVICT_AFTER + Duration::from_millis(1));
        assert_eq!(stage.is_stale(ann), None);
        let default = stage.is_stale(DEFAULT_CHARACTER);
        assert_eq!(default, Some(false), "the default character stays");
    }

    #[test]
    fn a_source_that_joins_again_resumes_its_character_in_a_new_epoch() {
        let mut stage = Fixture::new();
        let (old, new) = (stage.roster.open_call(), stage.roster.open_call());
        let ann = stage.join(old, named("Ann", "a"));
        stage.move_to(old, ann, 100, 1.0);
        let epoch = stage.newest(ann).epoch;
        assert_eq!(stage.join(new, named("Anna", "a")), ann);
        stage.move_to(new, ann, 1, 2.0);
        assert!(stage.newest(ann).epoch > epoch);
        assert!((stage.x(ann) - 2.0).abs() < f32::EPSILON);
        stage.roster.leave_all(old);
        let is_stale = stage.is_stale(ann);
        assert_eq!(is_stale, Some(false), "the old call owns no character");
        let other = stage.join(new, named("Ann", ""));
        assert_ne!(other, ann, "a name is not a source");
    }

    #[test]
    fn a_tick_without_changes_makes_no_frame() {
        let mut stage = Fixture::new();
        stage.roster.move_default(at(1.0), 1);
        assert!(stage.roster.advance(1, stage.now).is_some());
        assert!(stage.roster.advance(2, stage.now).is_none());
    }

    #[test]
    fn a_sample_with_an_old_sequence_number_is_ignored() {
        let mut stage = Fixture::new();
        let call = stage.roster.open_call();
        let ann = stage.join(call, named("Ann", ""));
        stage.move_to(call, ann, 7, 1.0);
        stage.move_to(call, ann, 6, 2.0);
        stage.move_to(call, ann, 7, 3.0);
        assert!((stage.x(ann) - 1.0).abs() < f32::EPSILON);
        stage.move_to(call, ann, 0, 4.0);
        assert_eq!(stage.newest(ann).sequence, 8);
        assert_eq!(stage.newest(ann).time_ms, 5, "the server's clock");
    }

    #[test]
    fn another_call_takes_a_character_over_until_the_hold_ends() {
        let mut stage = Fixture::new();
        let (owner, other) = (stage.roster.open_call(), stage.roster.open_call());
        let ann = stage.join(owner, named("Ann", ""));
        stage.move_to(owner, ann, 50, 1.0);
        let first = stage.newest(ann).epoch;
        stage.move_to(other, ann, 1, 2.0);
        let second = stage.newest(ann).epoch;
        assert!(second > first);
        stage.move_to(owner, ann, 51, 3.0);
        assert!((stage.x(ann) - 2.0).abs() < f32::EPSILON);
        stage.now += HOLD;
        stage.move_to(owner, ann, 52, 4.0);
        assert!((stage.x(ann) - 4.0).abs() < f32::EPSILON);
        assert!(stage.newest(ann).epoch > second);
    }

    #[test]
    fn an_unknown_id_is_an_error_and_the_id_of_a_left_character_is_not() {
        let mut stage = Fixture::new();
        let (call, other) = (stage.roster.open_call(), stage.roster.open_call());
        let now = stage.now;
        let mut apply = |character| {
            let sample = Sample {
                character,
                ..Sample::default()
            };
            let roster = &mut stage.roster;
            roster.apply_sample(call, &sample, at(0.0), now, 0)
        };
        assert_eq!(apply(0), Err(MoveError::NotJoined));
        assert_eq!(apply(2), Err(MoveError::Unknown));
        let ann = stage.join(call, named("Ann", ""));
        assert_eq!(stage.roster.leave(other, ann), Err(MoveError::NotYours));
        assert_eq!(stage.roster.leave(call, ann), Ok(()));
        assert_eq!(stage.roster.leave(call, ann), Ok(()));
        stage.move_to(call, ann, 0, 1.0);
    }

    #[test]
    fn the_stage_holds_at_most_10000_characters() {
        let mut stage = Fixture::new();
        let call = stage.roster.open_call();
        for _ in 1..MAX_CHARACTERS {
            stage.join(call, named("Ann", ""));
        }
        let one_more = stage.roster.join(call, named("Bob", ""), stage.now);
        assert_eq!(one_more, Err(JoinError::Full));
    }
}
