//! Tests of the roster.

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

    /// Returns whether the character is stale; `None` if it is not on the stage.
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
