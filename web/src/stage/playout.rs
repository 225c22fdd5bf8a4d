//! The jitter buffer of a character: turns samples that arrive late, out of order, twice or not at all into a place for
//! each frame (`docs/design/playout.md`).
//!
//! A sample is due a fixed delay after its earliest possible arrival, by the clock of its source. So jitter within the
//! delay is invisible. Between two samples the place is interpolated.

use std::collections::VecDeque;

use soundstage_sound::MAX_SPEED;

use super::place::{Place, direction};

/// The playout delay in milliseconds: one interval of a 10 Hz source, and half an interval for jitter.
pub(super) const PLAYOUT_DELAY: f64 = 150.0;

/// The time in milliseconds in which a character catches up with a sample that arrived after it was due.
const CATCH_UP_TIME: f64 = 50.0;

/// The distance in metres up to which a character glides at any speed: a pointer moves fast.
const MAX_GLIDE: f64 = 1.0;

/// The window of the minimum clock offset, in milliseconds. A minimum lives for one to two windows, since clocks
/// drift and routes change.
const CLOCK_WINDOW: f64 = 5000.0;

/// A sample as the server sent it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReceivedSample {
    pub(super) epoch: u32,
    pub(super) sequence: u32,
    /// Milliseconds on the clock of the source.
    pub(super) time: f64,
    pub(super) place: Place,
}

/// A sample with the time at which the character reaches it.
#[derive(Debug, Clone, Copy)]
struct Scheduled {
    /// Milliseconds.
    due: f64,
    sequence: u32,
    place: Place,
}

/// The samples of a character, ordered by sequence number.
#[derive(Debug, Default)]
pub(super) struct Playout {
    samples: VecDeque<Scheduled>,
    epoch: u32,
    /// The highest sequence number, and its time.
    newest: Option<(u32, f64)>,
    clock: ClockOffset,
    heading: Option<f64>,
}

impl Playout {
    /// Adds a sample that arrived at `now` (milliseconds). Returns its delay above the minimum in milliseconds; `None`
    /// for a duplicate, or for a sample older than the place shown.
    pub(super) fn push(&mut self, now: f64, sample: ReceivedSample) -> Option<f64> {
        let ReceivedSample {
            epoch,
            sequence,
            time,
            place,
        } = sample;
        let clock_was_set_back = self
            .newest
            .is_some_and(|(newest, last)| sequence > newest && time < last);
        if epoch != self.epoch || clock_was_set_back {
            self.start_epoch(now, epoch);
        }
        let delay = self.clock.delay_above_minimum(now, time);
        let mut due = now - delay + PLAYOUT_DELAY;
        if due < now {
            due = now + CATCH_UP_TIME;
        }
        let index = self
            .samples
            .partition_point(|sample| sample.sequence < sequence);
        let next = self.samples.get(index);
        let is_duplicate = next.is_some_and(|next| next.sequence == sequence);
        let is_outdated = index == 0 && next.is_some_and(|next| next.due <= now);
        if is_duplicate || is_outdated {
            return None;
        }
        // Due times follow the sequence numbers, whatever the clock of the source says.
        if let Some(next) = next {
            due = due.min(next.due);
        }
        if let Some(before) = index.checked_sub(1) {
            let before = &mut self.samples[before];
            due = due.max(before.due);
            // After a pause, a loss or a late sample the character stands at `before`; interpolation starts now.
            before.due = before.due.max(now.min(due));
        }
        let scheduled = Scheduled {
            due,
            sequence,
            place,
        };
        self.samples.insert(index, scheduled);
        if self.newest.is_none_or(|(newest, _)| sequence > newest) {
            self.newest = Some((sequence, time));
        }
        self.drop_played(now);
        Some(delay)
    }

    /// Returns the place where the character is drawn at `now`; `None` before the first sample.
    pub(super) fn place(&self, now: f64) -> Option<Place> {
        let after = self.samples.partition_point(|sample| sample.due <= now);
        match (after.checked_sub(1), self.samples.get(after)) {
            (Some(before), Some(next)) => Some(interpolate(&self.samples[before], next, now)),
            // The character stands at the first place before its due time, and at the last place after its due time.
            (None, held) => held.map(|sample| sample.place),
            (Some(last), None) => Some(self.samples[last].place),
        }
    }

    /// Returns the direction of the last move, in degrees from +x towards +y; `None` before the first move.
    pub(super) fn heading(&self, now: f64) -> Option<f64> {
        let played = self.samples.partition_point(|sample| sample.due <= now);
        let current = (played + 1).min(self.samples.len());
        let mut moves = (1..current).rev();
        moves
            .find_map(|index| direction(self.samples[index - 1].place, self.samples[index].place))
            .or(self.heading)
    }

    /// Returns the newest place, which may not be shown yet.
    pub(super) fn newest(&self) -> Option<Place> {
        self.samples.back().map(|sample| sample.place)
    }

    /// Starts an epoch: another source, or another clock. The character stands where it was until the first sample is
    /// due.
    fn start_epoch(&mut self, now: f64, epoch: u32) {
        self.heading = self.heading(now);
        let shown = self.place(now);
        self.samples.clear();
        self.samples.extend(shown.map(|place| Scheduled {
            due: now,
            sequence: 0,
            place,
        }));
        self.epoch = epoch;
        self.newest = None;
        self.clock = ClockOffset::default();
    }

    /// Drops the samples before the current segment.
    fn drop_played(&mut self, now: f64) {
        while self.samples.get(1).is_some_and(|next| next.due <= now) {
            let heading = direction(self.samples[0].place, self.samples[1].place);
            self.heading = heading.or(self.heading);
            self.samples.pop_front();
        }
    }
}

/// Returns the place between two samples. A character that is too fast to glide stays at the first sample until the
/// second is due.
fn interpolate(from: &Scheduled, to: &Scheduled, now: f64) -> Place {
    let distance = from.place.distance_to(to.place);
    let seconds = (to.due - from.due) / 1000.0;
    if distance > MAX_GLIDE && distance > MAX_SPEED * seconds {
        return from.place;
    }
    let fraction = ((now - from.due) / (to.due - from.due)).clamp(0.0, 1.0);
    from.place.towards(to.place, fraction)
}

/// The minimum of arrival time minus source time: the offset between the clocks plus the shortest transit time.
#[derive(Debug)]
struct ClockOffset {
    /// The minimum of this window and of the window before, in milliseconds.
    minimum: f64,
    previous_minimum: f64,
    window_start: f64,
}

impl Default for ClockOffset {
    fn default() -> Self {
        Self {
            minimum: f64::INFINITY,
            previous_minimum: f64::INFINITY,
            window_start: f64::NEG_INFINITY,
        }
    }
}

impl ClockOffset {
    /// Returns the transit time of a sample above the minimum, in milliseconds.
    fn delay_above_minimum(&mut self, now: f64, time: f64) -> f64 {
        let offset = now - time;
        if now - self.window_start > CLOCK_WINDOW {
            self.window_start = now;
            self.previous_minimum = self.minimum;
            self.minimum = f64::INFINITY;
        }
        self.minimum = self.minimum.min(offset);
        offset - self.minimum.min(self.previous_minimum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offset between the clocks, which must not matter.
    const OFFSET: f64 = 123_456.0;

    fn at(x: f64) -> Place {
        Place { x, y: 0.0, z: 0.0 }
    }

    fn sample(sequence: u32, time: f64, x: f64) -> ReceivedSample {
        ReceivedSample {
            epoch: 1,
            sequence,
            time: OFFSET + time,
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

    /// Plays a source that moves at 1 m/s and sends each 100 ms, each sample with a transit time or lost. Returns the
    /// playout and the places drawn each 10 ms.
    fn played(delays: &[Option<f64>]) -> (Playout, Vec<f64>) {
        let mut arrivals: Vec<(f64, ReceivedSample)> = Vec::new();
        for (index, delay) in delays.iter().enumerate() {
            let time = index as f64 * 100.0;
            let sample = sample(index as u32 + 1, time, time / 1000.0);
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

    /// Returns the longest step from one frame to the next; 0.01 m for an even motion. Asserts that no step goes back.
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
    fn the_place_is_interpolated_a_fixed_delay_behind() {
        let (playout, drawn) = played(&[Some(20.0); 10]);
        // The newest sample: 0.9 m at 900 ms, arrived at 920 ms.
        assert_x(&playout, 920.0 + PLAYOUT_DELAY, 0.9);
        assert_x(&playout, 890.0 + PLAYOUT_DELAY, 0.87);
        assert_x(&playout, 5000.0, 0.9);
        assert!((longest_step(&drawn) - 0.01).abs() < 1e-9);
    }

    #[test]
    fn jitter_within_the_delay_is_invisible() {
        // The next sample is due 100 ms later, which leaves 50 ms for jitter.
        let delays = [20.0, 60.0, 30.0, 69.0, 20.0, 45.0, 25.0, 60.0, 20.0, 70.0];
        let (_, drawn) = played(&delays.map(Some));
        assert!((longest_step(&drawn) - 0.01).abs() < 1e-9, "{drawn:?}");
    }

    #[test]
    fn a_character_catches_up_with_a_late_sample_without_a_jump() {
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
    fn reordered_samples_are_sorted_and_duplicates_are_dropped() {
        let mut playout = Playout::default();
        for (arrival, sequence) in [(0.0, 1), (103.0, 3), (105.0, 2), (106.0, 2), (200.0, 4)] {
            let time = f64::from(sequence - 1) * 50.0;
            let delay = playout.push(arrival, sample(sequence, time, f64::from(sequence)));
            assert_eq!(
                delay.is_none(),
                arrival > 105.5 && arrival < 107.0,
                "at {arrival}"
            );
        }
        assert_x(&playout, PLAYOUT_DELAY + 125.0, 3.5);
        assert_x(&playout, PLAYOUT_DELAY + 75.0, 2.5);
        assert_eq!(playout.push(5000.0, sample(1, 0.0, 9.0)), None, "outdated");
    }

    #[test]
    fn a_source_that_restarts_continues_from_the_place_shown() {
        let (mut playout, _) = played(&[Some(20.0); 10]);
        let new = ReceivedSample {
            epoch: 2,
            sequence: 1,
            time: 7.0,
            place: at(0.5),
        };
        playout.push(2000.0, new);
        assert_x(&playout, 2000.0, 0.9);
        assert_x(&playout, 2000.0 + PLAYOUT_DELAY / 2.0, 0.7);
        assert_x(&playout, 2000.0 + PLAYOUT_DELAY, 0.5);
    }

    #[test]
    fn a_clock_that_is_set_back_starts_an_epoch() {
        let (mut playout, _) = played(&[Some(20.0); 10]);
        for (sequence, time) in [(11, -60_000.0), (12, -59_900.0)] {
            let arrival = 61_020.0 + time;
            playout.push(arrival, sample(sequence, time, f64::from(sequence)));
        }
        assert_x(&playout, 1020.0 + PLAYOUT_DELAY, 11.0);
        assert_x(&playout, 1120.0 + PLAYOUT_DELAY, 12.0);
    }

    #[test]
    fn the_playout_follows_a_drifting_clock() {
        let mut playout = Playout::default();
        for step in 0..1000_u32 {
            // The clock loses one part in a thousand: 100 ms in 100 s.
            let now = f64::from(step) * 100.0;
            let delay = playout.push(now, sample(step + 1, now * 0.999, f64::from(step)));
            assert!(delay.expect("a delay") < 12.0, "at {now}");
        }
    }

    #[test]
    fn a_character_that_is_too_fast_to_glide_jumps() {
        let mut playout = Playout::default();
        playout.push(0.0, sample(1, 0.0, 0.0));
        playout.push(100.0, sample(2, 100.0, 50.0));
        assert_x(&playout, PLAYOUT_DELAY + 99.0, 0.0);
        assert_x(&playout, PLAYOUT_DELAY + 100.0, 50.0);
    }

    #[test]
    fn a_step_after_a_pause_takes_the_playout_delay_and_not_the_pause() {
        let mut playout = Playout::default();
        playout.push(0.0, sample(1, 0.0, 0.0));
        playout.push(3000.0, sample(2, 3000.0, 1.0));
        assert_x(&playout, 3000.0, 0.0);
        assert_x(&playout, PLAYOUT_DELAY / 2.0 + 3000.0, 0.5);
        assert_x(&playout, PLAYOUT_DELAY + 3000.0, 1.0);
    }

    #[test]
    fn old_samples_are_dropped_and_the_heading_is_kept() {
        let mut playout = Playout::default();
        for step in 0..100_u32 {
            let time = f64::from(step) * 33.0;
            let mut sample = sample(step + 1, time, 0.0);
            sample.place.y = if step < 50 { f64::from(step) } else { 50.0 };
            playout.push(time, sample);
        }
        assert!(playout.samples.len() < 8, "{}", playout.samples.len());
        let heading = playout.heading(4000.0).expect("a heading");
        assert!((heading - 90.0).abs() < 1e-9, "{heading}");
    }
}
