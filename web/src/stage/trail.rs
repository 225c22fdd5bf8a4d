//! Where the character has been of late.

use std::collections::VecDeque;

use super::point::Point;

/// How long a place stays in the trail, in milliseconds.
const LENGTH: f64 = 3000.0;
/// Places closer together than this, in milliseconds, are one.
const SPACING: f64 = 30.0;

/// The places of the last seconds, oldest first.
#[derive(Debug, Default)]
pub(super) struct Trail {
    places: VecDeque<(f64, Point)>,
}

impl Trail {
    /// Notes where the character is drawn at `now` (milliseconds).
    pub(super) fn push(&mut self, now: f64, place: Point) {
        if self
            .places
            .back()
            .is_none_or(|(last, _)| now - last >= SPACING)
        {
            self.places.push_back((now, place));
        }
        while self
            .places
            .front()
            .is_some_and(|(time, _)| now - time > LENGTH)
        {
            self.places.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }

    /// The places with their freshness, from 0 (about to go) to 1 (now).
    pub(super) fn places(&self, now: f64) -> impl Iterator<Item = (f64, Point)> {
        self.places
            .iter()
            .map(move |(time, place)| ((1.0 - (now - time) / LENGTH).clamp(0.0, 1.0), *place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trail_fades_and_stays_short() {
        let mut trail = Trail::default();
        for frame in 0..1000 {
            trail.push(f64::from(frame) * 16.0, Point::default());
        }
        let places: Vec<_> = trail.places(16_000.0).collect();
        assert!(places.len() <= 101, "{}", places.len());
        assert!(places.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(places[0].0 < 0.05 && places[places.len() - 1].0 > 0.95);
    }
}
