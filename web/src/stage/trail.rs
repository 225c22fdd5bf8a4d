//! The trail behind a character.

use std::collections::VecDeque;

use super::place::Place;

/// The maximum number of places in a trail.
pub(super) const MAX_PLACES: usize = 60;
/// The time between two places, in milliseconds.
const SPACING: f64 = 50.0;

/// The last places of a character, oldest first.
#[derive(Debug, Default)]
pub(super) struct Trail {
    places: VecDeque<Place>,
    last: f64,
}

impl Trail {
    /// Returns whether the next place is due at `now` (milliseconds).
    pub(super) fn is_due(&self, now: f64) -> bool {
        self.places.is_empty() || now - self.last >= SPACING
    }

    /// Appends the place where the character is drawn at `now`.
    pub(super) fn push(&mut self, now: f64, place: Place) {
        self.last = now;
        if self.places.len() == MAX_PLACES {
            self.places.pop_front();
        }
        self.places.push_back(place);
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }

    /// Iterates over at most `count` of the newest places, oldest first.
    pub(super) fn newest(&self, count: usize) -> impl ExactSizeIterator<Item = Place> {
        let skipped = self.places.len().saturating_sub(count);
        self.places.iter().skip(skipped).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trail_has_a_maximum_length_and_ends_at_the_newest_place() {
        let mut trail = Trail::default();
        for frame in 0..1000 {
            let place = Place {
                x: f64::from(frame),
                ..Place::default()
            };
            let now = f64::from(frame) * 16.0;
            if trail.is_due(now) {
                trail.push(now, place);
            }
        }
        assert_eq!(trail.newest(usize::MAX).len(), MAX_PLACES);
        let newest: Vec<_> = trail.newest(2).collect();
        assert!(newest[1].x > 990.0 && newest[0].x < newest[1].x);
    }
}
