//! From samples that arrive unevenly, late, twice or not at all, to a place for each frame.
//!
//! Each sample is due a fixed delay after it would have arrived on the quickest way seen of late, by the clock of its source. So
//! jitter up to the delay is not seen; between two samples that are due the way is straight.

use std::collections::VecDeque;

use soundstage_sound::FASTEST;

use super::place::{Place, direction};

/// How far behind the quickest way a character is shown, in milliseconds: one interval of a source that moves ten times a
/// second, and half of one for jitter.
pub(super) const DELAY: f64 = 150.0;

/// A sample that comes when it is due already is reached this much later, in milliseconds, rather than at once.
const CATCH_UP: f64 = 50.0;

/// A place nearer than this, in metres, is glided to at any speed: a pointer is quick.
const SHORT_WAY: f64 = 1.0;

/// For how long the quickest way is remembered, in milliseconds; twice that at most. Clocks drift, and ways change.
const CLOCK_WINDOW: f64 = 5000.0;

/// A sample as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReceivedSample {
    pub(super) epoch: u32,
    pub(super) sequence: u32,
    /// By the clock of the source, in milliseconds.
    pub(super) time: f64,
    pub(super) place: Place,
}

/// One that waits to be shown, or is between those that are.
#[derive(Debug, Clone, Copy)]
struct Due {
    /// When it is shown, in milliseconds.
    at: f64,
    sequence: u32,
    place: Place,
}

/// What one character's samples come to.
#[derive(Debug, Default)]
pub(super) struct Playout {
    samples: VecDeque<Due>,
    epoch: u32,
    /// The newest by sequence, and its time.
    newest: Option<(u32, f64)>,
    clock: Clock,
    heading: Option<f64>,
}

impl Playout {
    /// Takes a sample that has arrived at `now` (milliseconds). How much later it came than on the quickest way, in
    /// milliseconds; `None` for one that came twice or is of no use any more.
    pub(super) fn push(&mut self, now: f64, heard: ReceivedSample) -> Option<f64> {
        let ReceivedSample {
            epoch,
            sequence,
            time,
            place,
        } = heard;
        let is_behind = self
            .newest
            .is_some_and(|(newest, last)| sequence > newest && time < last);
        if epoch != self.epoch || is_behind {
            self.begin_anew(now, epoch);
        }
        let late = self.clock.lateness(now, time);
        let mut at = now - late + DELAY;
        if at < now {
            at = now + CATCH_UP;
        }
        let index = self
            .samples
            .partition_point(|sample| sample.sequence < sequence);
        let next = self.samples.get(index);
        let is_there = next.is_some_and(|next| next.sequence == sequence);
        let is_past = index == 0 && next.is_some_and(|next| next.at <= now);
        if is_there || is_past {
            return None;
        }
        // In their order, whatever the clock says.
        if let Some(next) = next {
            at = at.min(next.at);
        }
        if let Some(before) = index.checked_sub(1) {
            let before = &mut self.samples[before];
            at = at.max(before.at);
            // It has stood there until now: the next one was lost, or late, or nobody moved. The way on begins now.
            before.at = before.at.max(now.min(at));
        }
        let due = Due {
            at,
            sequence,
            place,
        };
        self.samples.insert(index, due);
        if self.newest.is_none_or(|(newest, _)| sequence > newest) {
            self.newest = Some((sequence, time));
        }
        self.forget(now);
        Some(late)
    }

    /// Where to draw the character at `now`; `None` before the first sample.
    pub(super) fn place(&self, now: f64) -> Option<Place> {
        let after = self.samples.partition_point(|sample| sample.at <= now);
        match (after.checked_sub(1), self.samples.get(after)) {
            (Some(before), Some(next)) => Some(between(&self.samples[before], next, now)),
            // Older than all: the first; newer than all: the last.
            (None, held) => held.map(|sample| sample.place),
            (Some(last), None) => Some(self.samples[last].place),
        }
    }

    /// Where the last move went, in degrees from +x towards +y; `None` while there was none.
    pub(super) fn heading(&self, now: f64) -> Option<f64> {
        let seen = self.samples.partition_point(|sample| sample.at <= now);
        let seen = (seen + 1).min(self.samples.len());
        let mut moves = (1..seen).rev();
        moves
            .find_map(|index| direction(self.samples[index - 1].place, self.samples[index].place))
            .or(self.heading)
    }

    /// The newest place, which may not be shown yet.
    pub(super) fn newest(&self) -> Option<Place> {
        self.samples.back().map(|sample| sample.place)
    }

    /// Another source, or another clock: what was shown stays until the new is due.
    fn begin_anew(&mut self, now: f64, epoch: u32) {
        self.heading = self.heading(now);
        let held = self.place(now);
        self.samples.clear();
        self.samples.extend(held.map(|place| Due {
            at: now,
            sequence: 0,
            place,
        }));
        self.epoch = epoch;
        self.newest = None;
        self.clock = Clock::default();
    }

    /// Drops what lies behind the one that is shown.
    fn forget(&mut self, now: f64) {
        while self.samples.get(1).is_some_and(|next| next.at <= now) {
            let turned = direction(self.samples[0].place, self.samples[1].place);
            self.heading = turned.or(self.heading);
            self.samples.pop_front();
        }
    }
}

/// On the way from one to the next; at the first until the next is due, if it was put elsewhere.
fn between(from: &Due, to: &Due, now: f64) -> Place {
    let way = from.place.distance_to(to.place);
    let seconds = (to.at - from.at) / 1000.0;
    if way > SHORT_WAY && way > FASTEST * seconds {
        return from.place;
    }
    let fraction = ((now - from.at) / (to.at - from.at)).clamp(0.0, 1.0);
    from.place.towards(to.place, fraction)
}

/// What a source's clock says when something arrives on the quickest way: the least difference of late.
#[derive(Debug)]
struct Clock {
    least: f64,
    least_before: f64,
    since: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            least: f64::INFINITY,
            least_before: f64::INFINITY,
            since: f64::NEG_INFINITY,
        }
    }
}

impl Clock {
    /// How much later than on the quickest way this has come.
    fn lateness(&mut self, now: f64, time: f64) -> f64 {
        let difference = now - time;
        if now - self.since > CLOCK_WINDOW {
            self.since = now;
            self.least_before = self.least;
            self.least = f64::INFINITY;
        }
        self.least = self.least.min(difference);
        difference - self.least.min(self.least_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A difference between the clocks, which must not matter.
    const CLOCK: f64 = 123_456.0;

    fn at(x: f64) -> Place {
        Place { x, y: 0.0, z: 0.0 }
    }

    fn heard(sequence: u32, time: f64, x: f64) -> ReceivedSample {
        ReceivedSample {
            epoch: 1,
            sequence,
            time: CLOCK + time,
            place: at(x),
        }
    }

    fn x(playout: &Playout, now: f64) -> f64 {
        playout.place(now).expect("a place").x
    }

    fn assert_x(playout: &Playout, now: f64, expected: f64) {
        let x = x(playout, now);
        assert!(
            (x - expected).abs() < 1e-6,
            "{x} is not {expected} at {now}"
        );
    }

    /// Samples of one metre a second, each 100 ms, that arrive after so long; and all places drawn each 10 ms meanwhile.
    fn played(delays: &[Option<f64>]) -> (Playout, Vec<f64>) {
        let mut arrivals: Vec<(f64, ReceivedSample)> = Vec::new();
        for (index, delay) in delays.iter().enumerate() {
            let time = index as f64 * 100.0;
            let sample = heard(index as u32 + 1, time, time / 1000.0);
            arrivals.extend(delay.map(|delay| (time + delay, sample)));
        }
        arrivals.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut playout = Playout::default();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut drawn = Vec::new();
        for frame in 0..delays.len() * 10 {
            let now = frame as f64 * 10.0;
            while let Some((arrival, sample)) = arrivals.next_if(|(arrival, _)| *arrival <= now) {
                playout.push(arrival, sample);
            }
            drawn.extend(playout.place(now).map(|place| place.x));
        }
        (playout, drawn)
    }

    /// The longest step from one frame to the next, once it moves; forwards it must be, by 0.01 m if it is even.
    fn longest_step(drawn: &[f64]) -> f64 {
        let steps = drawn.windows(2).map(|pair| pair[1] - pair[0]);
        let steps: Vec<f64> = steps.collect();
        assert!(steps.iter().all(|step| *step > -1e-9), "{steps:?}");
        steps.into_iter().fold(0.0, f64::max)
    }

    #[test]
    fn nothing_is_drawn_before_the_first_sample() {
        assert_eq!(Playout::default().place(0.0), None);
    }

    #[test]
    fn the_place_is_between_samples_a_fixed_delay_behind() {
        let (playout, drawn) = played(&[Some(20.0); 10]);
        // The newest was at 0.9 m at 900 ms, and has arrived at 920.
        assert_x(&playout, 920.0 + DELAY, 0.9);
        assert_x(&playout, 890.0 + DELAY, 0.87);
        assert_x(&playout, 5000.0, 0.9);
        assert!((longest_step(&drawn) - 0.01).abs() < 1e-9);
    }

    #[test]
    fn jitter_within_what_the_delay_leaves_is_not_seen() {
        // With the next sample due 100 ms later, half as much is left for jitter.
        let delays = [20.0, 60.0, 30.0, 69.0, 20.0, 45.0, 25.0, 60.0, 20.0, 70.0];
        let (_, drawn) = played(&delays.map(Some));
        assert!((longest_step(&drawn) - 0.01).abs() < 1e-9, "{drawn:?}");
    }

    #[test]
    fn what_comes_too_late_is_caught_up_with_and_not_jumped_to() {
        let mut delays = [Some(20.0); 12];
        delays[6] = Some(320.0);
        let (_, drawn) = played(&delays);
        assert!(longest_step(&drawn) < 0.05, "{drawn:?}");
    }

    #[test]
    fn a_lost_sample_is_bridged() {
        let mut delays = [Some(20.0); 10];
        delays[5] = None;
        let (_, drawn) = played(&delays);
        assert!(longest_step(&drawn) < 0.02, "{drawn:?}");
    }

    #[test]
    fn reordered_and_doubled_samples_fall_into_their_places() {
        let mut playout = Playout::default();
        for (arrival, sequence) in [(0.0, 1), (103.0, 3), (105.0, 2), (106.0, 2), (200.0, 4)] {
            let time = f64::from(sequence - 1) * 50.0;
            let late = playout.push(arrival, heard(sequence, time, f64::from(sequence)));
            assert_eq!(
                late.is_none(),
                arrival > 105.5 && arrival < 107.0,
                "at {arrival}"
            );
        }
        assert_x(&playout, DELAY + 125.0, 3.5);
        assert_x(&playout, DELAY + 75.0, 2.5);
        assert_eq!(playout.push(5000.0, heard(1, 0.0, 9.0)), None, "long past");
    }

    #[test]
    fn a_source_that_starts_again_goes_on_from_where_it_was() {
        let (mut playout, _) = played(&[Some(20.0); 10]);
        let new = ReceivedSample {
            epoch: 2,
            sequence: 1,
            time: 7.0,
            place: at(0.5),
        };
        playout.push(2000.0, new);
        assert_x(&playout, 2000.0, 0.9);
        assert_x(&playout, 2000.0 + DELAY / 2.0, 0.7);
        assert_x(&playout, 2000.0 + DELAY, 0.5);
    }

    #[test]
    fn a_clock_that_is_set_back_is_a_new_clock() {
        let (mut playout, _) = played(&[Some(20.0); 10]);
        for (sequence, time) in [(11, -60_000.0), (12, -59_900.0)] {
            let arrival = 61_020.0 + time;
            playout.push(arrival, heard(sequence, time, f64::from(sequence)));
        }
        assert_x(&playout, 1020.0 + DELAY, 11.0);
        assert_x(&playout, 1120.0 + DELAY, 12.0);
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let mut playout = Playout::default();
        for step in 0..1000_u32 {
            // One part in a thousand slow: a tenth of a second after 100 s.
            let now = f64::from(step) * 100.0;
            let late = playout.push(now, heard(step + 1, now * 0.999, f64::from(step)));
            assert!(late.expect("taken") < 12.0, "at {now}");
        }
    }

    #[test]
    fn what_is_put_elsewhere_jumps_and_does_not_glide() {
        let mut playout = Playout::default();
        playout.push(0.0, heard(1, 0.0, 0.0));
        playout.push(100.0, heard(2, 100.0, 50.0));
        assert_x(&playout, DELAY + 99.0, 0.0);
        assert_x(&playout, DELAY + 100.0, 50.0);
    }

    #[test]
    fn a_step_after_a_pause_is_quick_and_not_drawn_out_over_the_pause() {
        let mut playout = Playout::default();
        playout.push(0.0, heard(1, 0.0, 0.0));
        playout.push(3000.0, heard(2, 3000.0, 1.0));
        assert_x(&playout, 3000.0, 0.0);
        assert_x(&playout, DELAY / 2.0 + 3000.0, 0.5);
        assert_x(&playout, DELAY + 3000.0, 1.0);
    }

    #[test]
    fn old_samples_are_forgotten_and_the_heading_is_not() {
        let mut playout = Playout::default();
        for step in 0..100_u32 {
            let time = f64::from(step) * 33.0;
            let mut sample = heard(step + 1, time, 0.0);
            sample.place.y = if step < 50 { f64::from(step) } else { 50.0 };
            playout.push(time, sample);
        }
        assert!(playout.samples.len() < 8, "{}", playout.samples.len());
        let heading = playout.heading(4000.0).expect("a heading");
        assert!((heading - 90.0).abs() < 1e-9, "{heading}");
    }
}
