//! The samples that arrived from one character, for the numbers and the plots.

use std::collections::VecDeque;

use super::place::Place;

/// The time that the history covers, in milliseconds.
pub(super) const SPAN: f64 = 20_000.0;

/// The window of the sample rate, in milliseconds.
const RATE_WINDOW: f64 = 2000.0;

/// A sample with its arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The arrival time in milliseconds.
    pub(super) at: f64,
    pub(super) place: Place,
    /// The delay above the minimum, in milliseconds.
    pub(super) delay: f64,
    /// The jitter up to this sample, in milliseconds.
    pub(super) jitter: f64,
}

/// The arrivals of the last [`SPAN`], oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    arrivals: VecDeque<Arrival>,
}

impl History {
    pub(super) fn push(&mut self, at: f64, place: Place, delay: f64) {
        // RFC 3550, section 6.4.1: a running mean of the difference between successive delays, with a gain of 1/16.
        let jitter = self.arrivals.back().map_or(0.0, |last| {
            last.jitter + ((delay - last.delay).abs() - last.jitter) / 16.0
        });
        self.arrivals.push_back(Arrival {
            at,
            place,
            delay,
            jitter,
        });
        while self
            .arrivals
            .front()
            .is_some_and(|first| at - first.at > SPAN)
        {
            self.arrivals.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.arrivals.clear();
    }

    pub(super) fn arrivals(&self) -> impl Iterator<Item = &Arrival> {
        self.arrivals.iter()
    }

    pub(super) fn newest(&self) -> Option<&Arrival> {
        self.arrivals.back()
    }

    /// Returns the sample rate at `now`, in samples per second.
    pub(super) fn rate(&self, now: f64) -> f64 {
        let recent = self.arrivals.iter().rev();
        let recent = recent.take_while(|arrival| arrival.at > now - RATE_WINDOW);
        recent.count() as f64 * 1000.0 / RATE_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_jitter_follow_the_newest_arrivals_and_old_arrivals_are_dropped() {
        let mut history = History::default();
        for step in 0..1000 {
            let delay = if step % 2 == 0 { 0.0 } else { 10.0 };
            history.push(100.0 * f64::from(step), Place::default(), delay);
        }
        assert!((history.rate(99_900.0) - 10.0).abs() < 0.6);
        assert!(history.rate(200_000.0).abs() < f64::EPSILON);
        let newest = history.newest().expect("an arrival");
        assert!((newest.jitter - 10.0).abs() < 0.1, "{}", newest.jitter);
        assert_eq!(history.arrivals().count(), 201);
    }
}
