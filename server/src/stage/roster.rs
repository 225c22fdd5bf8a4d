//! All characters on the stage, and the calls that own them.
//!
//! Plain state: each method takes the current time as an argument, so tests control the clock.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Character, Pos, Sample};
use tokio::time::Instant;

use super::character::CharacterState;
use super::frame::Frame;
use super::ids::{CallId, CharacterIds, Owner};
use super::index::Index;
use super::recent_leaves::RecentLeaves;
use super::requests::{JoinError, JoinRequest, MoveError};
use crate::limits::{MAX_CHARACTERS, MAX_CHARACTERS_OF_ADDRESS, MAX_CHARACTERS_OF_CALL};

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
    /// Shared with the frames. Copied only when a character leaves while a frame has the list.
    recent_leaves: Arc<RecentLeaves>,
}

impl Roster {
    /// Creates a roster with the default character alone.
    pub(super) fn new(hold: Duration, evict_after: Duration) -> Self {
        let request = JoinRequest {
            name: "Walker".into(),
            ..JoinRequest::default()
        };
        let walker = CharacterState::new(DEFAULT_CHARACTER, Owner::SERVER, request, Instant::now());
        Self {
            hold,
            evict_after,
            characters: BTreeMap::from([(DEFAULT_CHARACTER, walker)]),
            index: Index::default(),
            ids: CharacterIds::new(),
            last_call: CallId::SERVER,
            removed: Vec::new(),
            recent_leaves: Arc::default(),
        }
    }

    /// Opens a call of a client by the client's address, if that is known.
    pub(super) fn open_call(&mut self, address: Option<IpAddr>) -> Owner {
        self.last_call = self.last_call.successor();
        Owner {
            call: self.last_call,
            address,
        }
    }

    /// Adds a character, or resumes the character of the same source in a new epoch. Returns the character with its
    /// source.
    pub(super) fn join(
        &mut self,
        owner: Owner,
        request: JoinRequest,
        now: Instant,
    ) -> Result<Character, JoinError> {
        let known = self.index.of_source(&request.source);
        self.check_room(owner, known)?;
        let characters = &self.characters;
        let id = known.unwrap_or_else(|| self.ids.issue(|id| characters.contains_key(&id)));
        self.index.add_source(&request.source, id);
        let state = match self.characters.entry(id) {
            Entry::Occupied(entry) => {
                let state = entry.into_mut();
                self.index.remove_owner(state.owner, id);
                state.resume(owner, request, now);
                state
            }
            Entry::Vacant(entry) => entry.insert(CharacterState::new(id, owner, request, now)),
        };
        self.index.add_owner(owner, id);
        Ok(Character {
            source: state.source.clone(),
            ..state.character()
        })
    }

    /// Checks that the owner may have one more character: a new one, or the `known` character of a source.
    fn check_room(&self, owner: Owner, known: Option<u32>) -> Result<(), JoinError> {
        let current = known.and_then(|id| self.characters.get(&id));
        let current = current.map(|state| state.owner);
        if current.is_none() && self.characters.len() >= MAX_CHARACTERS {
            return Err(JoinError::Full);
        }
        let is_own = current.is_some_and(|current| current.call == owner.call);
        if !is_own && self.index.count_of_call(owner.call) >= MAX_CHARACTERS_OF_CALL {
            return Err(JoinError::CallFull);
        }
        let is_of_address = current.is_some_and(|current| current.address == owner.address);
        if !is_of_address && self.index.count_of_address(owner.address) >= MAX_CHARACTERS_OF_ADDRESS
        {
            return Err(JoinError::AddressFull);
        }
        Ok(())
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
            if state.owner.call == call {
                state.last_heard = Some(now);
            }
            if state.claim(call, now, self.hold) {
                state.apply_sample(call, sample, position, wall_clock);
            }
        }
        Ok(id)
    }

    /// Keeps the call's characters fresh.
    pub(super) fn heartbeat(&mut self, call: CallId, now: Instant) {
        self.for_each_owned(call, |state| state.last_heard = Some(now));
    }

    /// Removes a character of the call. Does nothing if the character has left already.
    pub(super) fn leave(&mut self, call: CallId, id: u32) -> Result<(), MoveError> {
        if !self.ids.has_issued(id) {
            return Err(MoveError::Unknown);
        }
        match self.characters.get(&id) {
            Some(state) if state.owner.call != call => return Err(MoveError::NotYours),
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
        self.for_each_owned(call, |state| state.last_heard = None);
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
        if has_changed {
            Arc::make_mut(&mut self.recent_leaves).record(tick, self.removed.drain(..));
        }
        for state in self.characters.values_mut() {
            has_changed |= state.update_row(tick);
        }
        has_changed.then(|| {
            let visible = self.characters.values().filter(|state| state.is_visible());
            let rows = visible.map(|state| state.row.clone()).collect();
            Frame::new(tick, rows, Arc::clone(&self.recent_leaves))
        })
    }

    fn evict_silent(&mut self, now: Instant) {
        let (hold, evict_after) = (self.hold, self.evict_after);
        let characters = self.characters.iter_mut();
        let silent = characters.filter_map(|(id, state)| {
            let is_due =
                state.owner != Owner::SERVER && state.update_staleness(now, hold, evict_after);
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

        fn open_call(&mut self) -> Owner {
            self.roster.open_call(None)
        }

        fn join(&mut self, owner: Owner, request: JoinRequest) -> u32 {
            let character = self.roster.join(owner, request, self.now);
            character.expect("room").id
        }

        fn move_to(&mut self, owner: Owner, character: u32, sequence: u32, x: f32) {
            let sample = Sample {
                character,
                sequence,
                ..Sample::default()
            };
            let moved = self
                .roster
                .apply_sample(owner.call, &sample, at(x), self.now, 5);
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
        let call = stage.open_call();
        let ann = stage.join(call, named("Ann", ""));
        stage.move_to(call, 0, 0, 1.0);
        stage.pass(HOLD);
        assert_eq!(stage.is_stale(ann), Some(false));
        stage.roster.heartbeat(call.call, stage.now);
        stage.pass(HOLD);
        assert_eq!(stage.is_stale(ann), Some(false));
        stage.pass(Duration::from_millis(1));
        assert_eq!(stage.is_stale(ann), Some(true));
        stage.roster.heartbeat(call.call, stage.now);
        stage.pass(Duration::from_millis(1));
        assert_eq!(stage.is_stale(ann), Some(false), "a heartbeat arrived");
        stage.roster.disconnect(call.call);
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
        let (old, new) = (stage.open_call(), stage.open_call());
        let ann = stage.join(old, named("Ann", "a"));
        stage.move_to(old, ann, 100, 1.0);
        let epoch = stage.newest(ann).epoch;
        assert_eq!(stage.join(new, named("Anna", "a")), ann);
        stage.move_to(new, ann, 1, 2.0);
        assert!(stage.newest(ann).epoch > epoch);
        assert!((stage.x(ann) - 2.0).abs() < f32::EPSILON);
        stage.roster.leave_all(old.call);
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
        let call = stage.open_call();
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
        let (owner, other) = (stage.open_call(), stage.open_call());
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
        let (call, other) = (stage.open_call(), stage.open_call());
        let now = stage.now;
        let mut apply = |character| {
            let sample = Sample {
                character,
                ..Sample::default()
            };
            let roster = &mut stage.roster;
            roster.apply_sample(call.call, &sample, at(0.0), now, 0)
        };
        assert_eq!(apply(0), Err(MoveError::NotJoined));
        assert_eq!(apply(2), Err(MoveError::Unknown));
        let ann = stage.join(call, named("Ann", ""));
        assert_eq!(
            stage.roster.leave(other.call, ann),
            Err(MoveError::NotYours)
        );
        assert_eq!(stage.roster.leave(call.call, ann), Ok(()));
        assert_eq!(stage.roster.leave(call.call, ann), Ok(()));
        stage.move_to(call, ann, 0, 1.0);
    }

    #[test]
    fn epochs_go_on_past_the_largest() {
        let mut stage = Fixture::new();
        let (owner, other) = (stage.open_call(), stage.open_call());
        let ann = stage.join(owner, named("Ann", ""));
        stage.move_to(owner, ann, 7, 1.0);
        let character = stage.roster.characters.get_mut(&ann);
        character.expect("Ann").sample.epoch = u32::MAX;
        stage.move_to(other, ann, 1, 2.0);
        assert_eq!(stage.newest(ann).epoch, 1, "0 is no epoch");
        assert!((stage.x(ann) - 2.0).abs() < f32::EPSILON);
    }

    /// Joins characters by calls of one address, as many as each call may have.
    fn join_many(stage: &mut Fixture, address: Option<IpAddr>, count: usize) -> Vec<Owner> {
        let mut calls = Vec::new();
        for number in 0..count {
            if number % MAX_CHARACTERS_OF_CALL == 0 {
                calls.push(stage.roster.open_call(address));
            }
            stage.join(calls[calls.len() - 1], named("Ann", ""));
        }
        calls
    }

    #[test]
    fn the_stage_holds_at_most_10000_characters() {
        let mut stage = Fixture::new();
        let calls = join_many(&mut stage, None, MAX_CHARACTERS - 1);
        let last = calls[calls.len() - 1];
        let one_more = stage.roster.join(last, named("Bob", ""), stage.now);
        assert_eq!(one_more, Err(JoinError::Full));
    }

    #[test]
    fn a_call_holds_at_most_1000_characters() {
        let mut stage = Fixture::new();
        let call = join_many(&mut stage, None, MAX_CHARACTERS_OF_CALL - 1)[0];
        let own = stage.join(call, named("Ann", "own"));
        let other = stage.open_call();
        let theirs = stage.join(other, named("Bob", "theirs"));
        let now = stage.now;
        for source in ["", "theirs"] {
            let one_more = stage.roster.join(call, named("Bob", source), now);
            assert_eq!(one_more, Err(JoinError::CallFull), "{source:?}");
        }
        assert_eq!(stage.join(call, named("Ann", "own")), own, "resumed");
        stage.roster.leave(call.call, own).expect("its own");
        assert_eq!(stage.join(call, named("Bob", "theirs")), theirs);
    }

    #[test]
    fn an_address_holds_at_most_4000_characters_until_they_leave() {
        let mut stage = Fixture::new();
        let [flood, other] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
        let calls = join_many(&mut stage, flood, MAX_CHARACTERS_OF_ADDRESS);
        let now = stage.now;
        let next = stage.roster.open_call(flood);
        let one_more = stage.roster.join(next, named("Ann", ""), now);
        assert_eq!(one_more, Err(JoinError::AddressFull));
        let elsewhere = stage.roster.open_call(other);
        stage.join(elsewhere, named("Bob", ""));
        // A call that has ended still counts, for as long as its characters are on the stage.
        stage.roster.disconnect(calls[0].call);
        let one_more = stage.roster.join(next, named("Ann", ""), now);
        assert_eq!(one_more, Err(JoinError::AddressFull));
        for call in &calls[1..] {
            stage.roster.heartbeat(call.call, stage.now);
        }
        stage.pass(Duration::from_millis(1));
        stage.pass(EVICT_AFTER + Duration::from_millis(1));
        stage.join(next, named("Ann", ""));
    }
}
