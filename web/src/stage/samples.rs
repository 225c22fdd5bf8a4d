//! From samples that arrive ten times a second, not quite evenly, to a place for each frame: shown a fixed delay
//! behind, so that there is nearly always a sample on either side to interpolate between.

use std::collections::VecDeque;

use super::point::Point;

/// How far behind the newest sample the character is drawn, in milliseconds: one interval of the stream and half
/// of one for jitter.
pub(super) const DELAY: f64 = 150.0;

/// A move takes at most this long, in milliseconds. The stream says nothing while nobody moves, so a sample that comes
/// after a pause tells of a step just now, not of a slow glide through the whole pause.
const LONGEST_STEP: f64 = 150.0;

/// How long the message rate looks back, in milliseconds.
const RATE_WINDOW: f64 = 2000.0;

/// The samples of late, oldest first.
#[derive(Debug, Default)]
pub(super) struct Samples {
    samples: VecDeque<(f64, Point)>,
}

impl Samples {
    /// Takes a sample that has arrived at `time` (milliseconds).
    pub(super) fn push(&mut self, time: f64, point: Point) {
        self.samples.push_back((time, point));
        let horizon = time - RATE_WINDOW - DELAY;
        // One sample from before the horizon stays: what is drawn begins there.
        while self.samples.get(1).is_some_and(|(next, _)| *next < horizon) {
            self.samples.pop_front();
        }
    }

    /// Forgets everything; a stream that begins anew has nothing to do with the last.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    /// Where to draw the character at `now`; `None` before the first sample.
    pub(super) fn place(&self, now: f64) -> Option<Point> {
        let time = now - DELAY;
        let after = self
            .samples
            .partition_point(|(arrival, _)| *arrival <= time);
        let (Some(before), Some((end, target))) = (
            after.checked_sub(1).map(|index| self.samples[index]),
            self.samples.get(after),
        ) else {
            // Older than all: the first; newer than all: the last.
            let held = self.samples.get(after).or_else(|| self.samples.back());
            return held.map(|(_, point)| *point);
        };
        let (arrival, origin) = before;
        let start = arrival.max(end - LONGEST_STEP);
        let fraction = ((time - start) / (end - start)).clamp(0.0, 1.0);
        Some(origin.towards(*target, fraction))
    }

    /// Where the last move went, in degrees from +x towards +y; `None` while there was none.
    pub(super) fn heading(&self, now: f64) -> Option<f64> {
        let time = now - DELAY + LONGEST_STEP;
        let seen = self
            .samples
            .partition_point(|(arrival, _)| *arrival <= time);
        let mut pairs = (1..seen)
            .rev()
            .map(|index| (self.samples[index - 1].1, self.samples[index].1));
        pairs.find_map(|(from, to)| from.direction_to(to))
    }

    /// The newest sample.
    pub(super) fn newest(&self) -> Option<Point> {
        self.samples.back().map(|(_, point)| *point)
    }

    /// How long ago the newest sample came, in milliseconds.
    pub(super) fn age(&self, now: f64) -> Option<f64> {
        self.samples
            .back()
            .map(|(arrival, _)| (now - arrival).max(0.0))
    }

    /// Messages per second of late.
    pub(super) fn rate(&self, now: f64) -> f64 {
        let recent = self
            .samples
            .iter()
            .filter(|(arrival, _)| *arrival > now - RATE_WINDOW)
            .count();
        recent as f64 * 1000.0 / RATE_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64) -> Point {
        Point { x, y: 0.0, z: 0.0 }
    }

    fn walking() -> Samples {
        let mut samples = Samples::default();
        for step in 0..10 {
            samples.push(100.0 * f64::from(step), at(f64::from(step)));
        }
        samples
    }

    fn assert_x(place: Option<Point>, x: f64) {
        let place = place.expect("a place");
        assert!((place.x - x).abs() < 1e-9, "{place:?} is not at {x}");
    }

    #[test]
    fn nothing_is_drawn_before_the_first_sample() {
        assert_eq!(Samples::default().place(0.0), None);
    }

    #[test]
    fn the_place_is_between_samples_a_fixed_delay_behind() {
        let samples = walking();
        assert_x(samples.place(DELAY + 300.0), 3.0);
        assert_x(samples.place(DELAY + 325.0), 3.25);
        assert_x(samples.place(DELAY + 399.9), 3.999);
    }

    #[test]
    fn past_the_newest_sample_the_character_stands_still() {
        let samples = walking();
        assert_x(samples.place(DELAY + 900.0), 9.0);
        assert_x(samples.place(DELAY + 5000.0), 9.0);
        assert_x(samples.place(0.0), 0.0);
    }

    #[test]
    fn jitter_moves_no_sample_backwards() {
        let mut samples = Samples::default();
        for (arrival, x) in [(0.0, 0.0), (130.0, 1.0), (180.0, 2.0), (330.0, 3.0)] {
            samples.push(arrival, at(x));
        }
        let places: Vec<f64> = (0..50)
            .filter_map(|frame| samples.place(DELAY + f64::from(frame) * 10.0))
            .map(|p| p.x)
            .collect();
        assert!(
            places.windows(2).all(|pair| pair[0] <= pair[1]),
            "{places:?}"
        );
        assert!(
            places.windows(2).all(|pair| pair[1] - pair[0] < 0.3),
            "{places:?}"
        );
    }

    #[test]
    fn a_step_after_a_pause_is_quick_and_not_drawn_out_over_the_pause() {
        let mut samples = Samples::default();
        samples.push(0.0, at(0.0));
        samples.push(3000.0, at(1.0));
        assert_x(samples.place(DELAY + 2849.0), 0.0);
        assert_x(samples.place(DELAY + 2925.0), 0.5);
        assert_x(samples.place(DELAY + 3000.0), 1.0);
    }

    #[test]
    fn rate_and_age_are_those_of_the_last_seconds() {
        let mut samples = Samples::default();
        for step in 0..100 {
            samples.push(100.0 * f64::from(step), at(0.0));
        }
        assert!((samples.rate(9900.0) - 10.0).abs() < 0.6);
        assert_eq!(samples.age(9950.0), Some(50.0));
        assert!(samples.rate(20_000.0).abs() < f64::EPSILON);
        assert!(samples.samples.len() < 30, "old samples are forgotten");
    }

    #[test]
    fn the_heading_is_that_of_the_last_move() {
        let mut samples = Samples::default();
        samples.push(
            0.0,
            Point {
                x: 0.0,
                y: 0.0,
                z: 0.0,
            },
        );
        assert_eq!(samples.heading(1000.0), None);
        samples.push(
            100.0,
            Point {
                x: 0.0,
                y: 2.0,
                z: 0.0,
            },
        );
        samples.push(
            200.0,
            Point {
                x: 0.0,
                y: 2.0,
                z: 0.0,
            },
        );
        let heading = samples.heading(1000.0).expect("a heading");
        assert!((heading - 90.0).abs() < 1e-9, "{heading}");
    }
}
