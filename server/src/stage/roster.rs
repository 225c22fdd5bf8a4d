//! Who is on the stage, where, and moved by whom. Plain state: every change comes with its time.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Character, Pos, Sample};
use tokio::time::Instant;

use super::character::CharacterState;
use super::frame::Frame;

/// More characters than this are refused, so that nobody can fill the memory.
const MAX_CHARACTERS: usize = 10_000;

/// For how many ticks it is known who has left; who has seen nothing for longer is told all there is.
const DEPARTURES_KEPT: u64 = 300;

/// A call that moves characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct CallId(u64);

/// The server itself, which moves the default character.
const SERVER: CallId = CallId(0);

/// Somebody who comes to the stage; the names are checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct JoinRequest {
    pub(crate) name: String,
    pub(crate) user_id: u32,
    pub(crate) source: String,
}

/// Why somebody cannot come to the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// There are as many as there may be.
    Full,
}

/// Why a character cannot be moved, or leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MoveError {
    /// The call has joined none, and names none.
    NotJoined,
    /// Nobody ever had this id.
    Unknown,
    /// It is not the call's.
    NotYours,
}

/// Everybody on the stage.
#[derive(Debug)]
pub(super) struct Roster {
    hold: Duration,
    leave: Duration,
    members: BTreeMap<u32, CharacterState>,
    /// Whose calls they are, and which source each has that has one: neither is to be looked for among thousands at each sample.
    owned: HashMap<CallId, BTreeSet<u32>>,
    sources: HashMap<String, u32>,
    next_id: u32,
    next_call: u64,
    /// When who left, oldest first.
    departures: VecDeque<(u64, u32)>,
    /// Who left since the last tick.
    leaving: Vec<u32>,
}

impl Roster {
    /// With the default character alone.
    pub(super) fn new(hold: Duration, leave: Duration) -> Self {
        let joining = JoinRequest {
            name: "Walker".into(),
            ..JoinRequest::default()
        };
        let walker = CharacterState::new(DEFAULT_CHARACTER, SERVER, joining, Instant::now());
        Self {
            hold,
            leave,
            members: BTreeMap::from([(DEFAULT_CHARACTER, walker)]),
            owned: HashMap::new(),
            sources: HashMap::new(),
            next_id: DEFAULT_CHARACTER + 1,
            next_call: SERVER.0 + 1,
            departures: VecDeque::new(),
            leaving: Vec::new(),
        }
    }

    pub(super) fn open(&mut self) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        call
    }

    pub(super) fn join(
        &mut self,
        call: CallId,
        joining: JoinRequest,
        now: Instant,
    ) -> Result<Character, JoinError> {
        let known = self.sources.get(&joining.source).copied();
        let id = if let Some(id) = known {
            id
        } else {
            if self.members.len() >= MAX_CHARACTERS {
                return Err(JoinError::Full);
            }
            self.next_id += 1;
            self.next_id - 1
        };
        if !joining.source.is_empty() {
            self.sources.insert(joining.source.clone(), id);
        }
        let state = match self.members.entry(id) {
            Entry::Occupied(state) => {
                let state = state.into_mut();
                if let Some(owned) = self.owned.get_mut(&state.owner) {
                    owned.remove(&id);
                }
                state.resume(call, joining, now);
                state
            }
            Entry::Vacant(place) => place.insert(CharacterState::new(id, call, joining, now)),
        };
        self.owned.entry(call).or_default().insert(id);
        Ok(Character {
            source: state.source.clone(),
            ..state.character()
        })
    }

    /// Takes a sample; whose it is.
    pub(super) fn sample(
        &mut self,
        call: CallId,
        sample: &Sample,
        position: Pos,
        now: Instant,
        wall_clock: i64,
    ) -> Result<u32, MoveError> {
        let id = match sample.character {
            0 => self.first_of(call).ok_or(MoveError::NotJoined)?,
            id if id >= self.next_id => return Err(MoveError::Unknown),
            id => id,
        };
        // One that has left meanwhile is not its source's mistake.
        if let Some(state) = self.members.get_mut(&id) {
            if state.owner == call {
                state.heard = now;
            }
            if state.is_moved_by(call, now, self.hold) {
                state.place(call, sample, position, wall_clock);
            }
        }
        Ok(id)
    }

    pub(super) fn heartbeat(&mut self, call: CallId, now: Instant) {
        self.each_of(call, |state| state.heard = now);
    }

    pub(super) fn leave(&mut self, call: CallId, id: u32) -> Result<(), MoveError> {
        if id >= self.next_id {
            return Err(MoveError::Unknown);
        }
        match self.members.get(&id) {
            Some(state) if state.owner != call => return Err(MoveError::NotYours),
            Some(_) => self.remove(id),
            None => (),
        }
        Ok(())
    }

    /// Whether there was anybody.
    pub(super) fn leave_all(&mut self, call: CallId) -> bool {
        let owned = self.owned.remove(&call).unwrap_or_default();
        for id in &owned {
            self.remove(*id);
        }
        !owned.is_empty()
    }

    /// The call has ended without a word: what it moved is stale at the next tick.
    pub(super) fn lose(&mut self, call: CallId) {
        let long_ago = self.hold;
        self.each_of(call, |state| {
            state.heard = state.heard.checked_sub(long_ago).unwrap_or(state.heard);
        });
    }

    /// Where the default character is.
    pub(super) fn see_walker(&mut self, position: Pos, wall_clock: i64) {
        if let Some(walker) = self.members.get_mut(&DEFAULT_CHARACTER)
            && walker.sample.position != Some(position)
        {
            walker.place(SERVER, &Sample::default(), position, wall_clock);
        }
    }

    /// Lets time pass, and puts together what there is; nothing when nothing has changed.
    pub(super) fn tick(&mut self, tick: u64, now: Instant) -> Option<Frame> {
        let (hold, leave) = (self.hold, self.leave);
        let members = self.members.iter_mut();
        let gone = members.filter_map(|(id, state)| {
            let is_gone = state.owner != SERVER && state.grow_old(now, hold, leave);
            is_gone.then_some(*id)
        });
        for id in gone.collect::<Vec<_>>() {
            self.remove(id);
        }
        let mut changed = !self.leaving.is_empty();
        self.departures
            .extend(self.leaving.drain(..).map(|id| (tick, id)));
        while let Some((left, _)) = self.departures.front()
            && left + DEPARTURES_KEPT < tick
        {
            self.departures.pop_front();
        }
        for state in self.members.values_mut() {
            changed |= state.encode(tick);
        }
        changed.then(|| {
            let rows = self.members.values().filter(|state| state.is_seen());
            Frame::new(
                tick,
                rows.map(|state| state.row.clone()).collect(),
                self.departures.iter().copied().collect(),
                tick.saturating_sub(DEPARTURES_KEPT),
            )
        })
    }

    fn remove(&mut self, id: u32) {
        let Some(state) = self.members.remove(&id) else {
            return;
        };
        self.sources.remove(&state.source);
        if let Some(owned) = self.owned.get_mut(&state.owner) {
            owned.remove(&id);
            if owned.is_empty() {
                self.owned.remove(&state.owner);
            }
        }
        self.leaving.push(id);
    }

    fn each_of(&mut self, call: CallId, mut change: impl FnMut(&mut CharacterState)) {
        for id in self.owned.get(&call).into_iter().flatten() {
            if let Some(state) = self.members.get_mut(id) {
                change(state);
            }
        }
    }

    fn first_of(&self, call: CallId) -> Option<u32> {
        self.owned.get(&call)?.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(3);
    const LEAVE: Duration = Duration::from_secs(10);

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

    /// A stage, its clock, and what a test asks of it.
    struct Scene {
        roster: Roster,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                roster: Roster::new(HOLD, LEAVE),
                now: Instant::now(),
            }
        }

        fn join(&mut self, call: CallId, joining: JoinRequest) -> u32 {
            let character = self.roster.join(call, joining, self.now);
            character.expect("room").id
        }

        fn put(&mut self, call: CallId, character: u32, sequence: u32, x: f32) {
            let sample = Sample {
                character,
                sequence,
                ..Sample::default()
            };
            let moved = self.roster.sample(call, &sample, at(x), self.now, 5);
            moved.expect("a character");
        }

        fn newest(&self, id: u32) -> &Sample {
            &self.roster.members[&id].sample
        }

        fn x(&self, id: u32) -> f32 {
            self.newest(id).position.expect("a place").x
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            let _ = self.roster.tick(1, self.now);
        }

        fn is_stale(&self, id: u32) -> Option<bool> {
            let state = self.roster.members.get(&id);
            state.map(|state| state.stale.is_some())
        }
    }

    #[test]
    fn a_source_that_is_silent_is_stale_and_then_leaves() {
        let mut scene = Scene::new();
        let call = scene.roster.open();
        let ann = scene.join(call, named("Ann", ""));
        scene.put(call, 0, 0, 1.0);
        scene.pass(HOLD);
        assert_eq!(scene.is_stale(ann), Some(false));
        scene.roster.heartbeat(call, scene.now);
        scene.pass(HOLD);
        assert_eq!(scene.is_stale(ann), Some(false));
        scene.pass(Duration::from_millis(1));
        assert_eq!(scene.is_stale(ann), Some(true));
        scene.roster.heartbeat(call, scene.now);
        scene.pass(Duration::from_millis(1));
        assert_eq!(scene.is_stale(ann), Some(false), "it is heard again");
        scene.roster.lose(call);
        scene.pass(Duration::from_millis(1));
        assert_eq!(scene.is_stale(ann), Some(true), "its call was lost");
        scene.pass(LEAVE + Duration::from_millis(1));
        assert_eq!(scene.is_stale(ann), None);
        assert_eq!(
            scene.is_stale(DEFAULT_CHARACTER),
            Some(false),
            "the server's own stays"
        );
    }

    #[test]
    fn a_source_that_joins_again_keeps_its_character_in_a_new_epoch() {
        let mut scene = Scene::new();
        let (old, new) = (scene.roster.open(), scene.roster.open());
        let ann = scene.join(old, named("Ann", "a"));
        scene.put(old, ann, 100, 1.0);
        let epoch = scene.newest(ann).epoch;
        assert_eq!(scene.join(new, named("Anna", "a")), ann);
        scene.put(new, ann, 1, 2.0);
        assert!(scene.newest(ann).epoch > epoch);
        assert!((scene.x(ann) - 2.0).abs() < f32::EPSILON);
        scene.roster.leave_all(old);
        assert_eq!(
            scene.is_stale(ann),
            Some(false),
            "the old call lets nobody leave"
        );
        let other = scene.join(new, named("Ann", ""));
        assert_ne!(other, ann, "a name is not a source");
    }

    #[test]
    fn an_older_sample_is_passed_over() {
        let mut scene = Scene::new();
        let call = scene.roster.open();
        let ann = scene.join(call, named("Ann", ""));
        scene.put(call, ann, 7, 1.0);
        scene.put(call, ann, 6, 2.0);
        scene.put(call, ann, 7, 3.0);
        assert!((scene.x(ann) - 1.0).abs() < f32::EPSILON);
        scene.put(call, ann, 0, 4.0);
        assert_eq!(scene.newest(ann).sequence, 8);
        assert_eq!(scene.newest(ann).time_ms, 5, "the server's clock");
    }

    #[test]
    fn another_takes_a_character_over_until_it_lets_go() {
        let mut scene = Scene::new();
        let (owner, other) = (scene.roster.open(), scene.roster.open());
        let ann = scene.join(owner, named("Ann", ""));
        scene.put(owner, ann, 50, 1.0);
        let first = scene.newest(ann).epoch;
        scene.put(other, ann, 1, 2.0);
        let second = scene.newest(ann).epoch;
        assert!(second > first);
        scene.put(owner, ann, 51, 3.0);
        assert!((scene.x(ann) - 2.0).abs() < f32::EPSILON);
        scene.now += HOLD;
        scene.put(owner, ann, 52, 4.0);
        assert!((scene.x(ann) - 4.0).abs() < f32::EPSILON);
        assert!(scene.newest(ann).epoch > second);
    }

    #[test]
    fn ids_that_nobody_had_are_told_from_those_who_left() {
        let mut scene = Scene::new();
        let (call, other) = (scene.roster.open(), scene.roster.open());
        let to = |character| Sample {
            character,
            ..Sample::default()
        };
        let now = scene.now;
        let mut sample = |id| scene.roster.sample(call, &to(id), at(0.0), now, 0);
        assert_eq!(sample(0), Err(MoveError::NotJoined));
        assert_eq!(sample(2), Err(MoveError::Unknown));
        let ann = scene.join(call, named("Ann", ""));
        assert_eq!(scene.roster.leave(other, ann), Err(MoveError::NotYours));
        assert_eq!(scene.roster.leave(call, ann), Ok(()));
        assert_eq!(scene.roster.leave(call, ann), Ok(()));
        scene.put(call, ann, 0, 1.0);
    }

    #[test]
    fn the_stage_has_room_for_so_many() {
        let mut scene = Scene::new();
        let call = scene.roster.open();
        for _ in 1..MAX_CHARACTERS {
            scene.join(call, named("Ann", ""));
        }
        let one_more = scene.roster.join(call, named("Bob", ""), scene.now);
        assert_eq!(one_more, Err(JoinError::Full));
    }
}
