//! What arrived from one character of late: for the numbers and the plots.

use std::collections::VecDeque;

use super::place::Place;

/// How far back it goes, in milliseconds.
pub(super) const SPAN: f64 = 20_000.0;

/// How far back the rate looks, in milliseconds.
const RATE_WINDOW: f64 = 2000.0;

/// A sample that has arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// When, in milliseconds.
    pub(super) at: f64,
    pub(super) place: Place,
    /// How much later than on the quickest way, in milliseconds.
    pub(super) late: f64,
    /// How much that varies, as of then, in milliseconds.
    pub(super) jitter: f64,
}

/// The arrivals of the last seconds, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    arrivals: VecDeque<Arrival>,
}

impl History {
    pub(super) fn push(&mut self, at: f64, place: Place, late: f64) {
        // RFC 3550, 6.4.1: a running mean of how much one differs from the one before, with a gain of 1/16.
        let jitter = self.arrivals.back().map_or(0.0, |last| {
            last.jitter + ((late - last.late).abs() - last.jitter) / 16.0
        });
        self.arrivals.push_back(Arrival {
            at,
            place,
            late,
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

    /// Samples per second of late.
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
    fn rate_jitter_and_span_are_those_of_the_last_seconds() {
        let mut history = History::default();
        for step in 0..1000 {
            let late = if step % 2 == 0 { 0.0 } else { 10.0 };
            history.push(100.0 * f64::from(step), Place::default(), late);
        }
        assert!((history.rate(99_900.0) - 10.0).abs() < 0.6);
        assert!(history.rate(200_000.0).abs() < f64::EPSILON);
        let newest = history.newest().expect("an arrival");
        assert!((newest.jitter - 10.0).abs() < 0.1, "{}", newest.jitter);
        assert_eq!(history.arrivals().count(), 201);
    }
}
