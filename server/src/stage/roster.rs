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
    /// The time for which a character stays fresh without a request of its owner, and for which a takeover lasts.
    hold: Duration,
    /// The time for which a stale character stays on the stage.
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

    /// Opens a call. `address` is the client's, if known.
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

    /// Evicts silent characters, and makes the frame of this tick. Returns `None` if nothing has changed since the last
    /// frame.
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
mod tests;
