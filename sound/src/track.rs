//! The path of a source over time.

use crate::place::Place;

/// The maximum speed of a movement in metres per second. A faster change is a jump: the character was put elsewhere.
pub const MAX_SPEED: f64 = 30.0;

/// A path through places.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Times in seconds with their places, in ascending order; never empty.
    samples: Vec<(f64, Place)>,
}

/// The reason why samples form no track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// The track has no samples.
    #[error("the track has no samples")]
    Empty,
    /// The sample with this index is earlier than the sample before it, or its time is not a finite number.
    #[error("sample {0} is earlier than the sample before it")]
    OutOfOrder(usize),
}

impl Track {
    /// Builds a track of times in seconds and places.
    ///
    /// # Errors
    /// Returns an error if there are no samples or the times are not in ascending order.
    pub fn new(samples: Vec<(f64, Place)>) -> Result<Self, TrackError> {
        if samples.is_empty() {
            return Err(TrackError::Empty);
        }
        let mut before = f64::NEG_INFINITY;
        for (index, (time, _)) in samples.iter().enumerate() {
            if !time.is_finite() || *time < before {
                return Err(TrackError::OutOfOrder(index));
            }
            before = *time;
        }
        Ok(Self { samples })
    }

    /// Returns the place at a time: interpolated between two samples, the first place before the first sample, and the
    /// last place after the last. A change faster than [`MAX_SPEED`] jumps at the second sample.
    pub fn at(&self, seconds: f64) -> Place {
        let next = self.samples.partition_point(|(time, _)| *time <= seconds);
        let from = next
            .checked_sub(1)
            .and_then(|index| self.samples.get(index));
        match (from, self.samples.get(next)) {
            (Some((before, from)), Some((after, to))) => {
                let distance = from.distance_to(*to);
                if distance > MAX_SPEED * (after - before) {
                    *from
                } else {
                    from.towards(*to, (seconds - before) / (after - before))
                }
            }
            (Some((_, place)), None) | (None, Some((_, place))) => *place,
            (None, None) => Place::default(),
        }
    }

    /// Returns the time of the last sample in seconds.
    pub fn end(&self) -> f64 {
        self.samples.last().map_or(0.0, |(time, _)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x(x: f64) -> Place {
        Place { x, y: 0.0, z: 0.0 }
    }

    #[test]
    fn a_track_is_straight_between_samples_and_constant_beyond_them() {
        let track = Track::new(vec![(1.0, x(1.0)), (2.0, x(3.0))]).expect("a track");
        assert_eq!(track.at(0.0), x(1.0));
        assert_eq!(track.at(1.5), x(2.0));
        assert_eq!(track.at(9.0), x(3.0));
        assert!((track.end() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_source_that_is_put_elsewhere_jumps() {
        let track = Track::new(vec![(0.0, x(0.0)), (0.1, x(10.0))]).expect("a track");
        assert_eq!(track.at(0.05), x(0.0));
        assert_eq!(track.at(0.1), x(10.0));
    }

    #[test]
    fn times_must_ascend() {
        assert_eq!(Track::new(Vec::new()), Err(TrackError::Empty));
        let backwards = vec![(0.0, x(0.0)), (1.0, x(0.0)), (0.5, x(0.0))];
        assert_eq!(Track::new(backwards), Err(TrackError::OutOfOrder(2)));
    }
}
