//! Where a source is at which time.

use crate::place::Place;

/// Faster than this, in metres a second, nothing moves on the stage: it has been put elsewhere.
pub const FASTEST: f64 = 30.0;

/// A path through places, by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Seconds and places, in order, at least one.
    samples: Vec<(f64, Place)>,
}

/// Why samples are no track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// There are none.
    #[error("it has no samples")]
    Empty,
    /// The one with this index is earlier than the one before it, or at no time at all.
    #[error("sample {0} is earlier than the one before it")]
    OutOfOrder(usize),
}

impl Track {
    /// Of seconds and places, in order.
    ///
    /// # Errors
    /// When there are none, or time goes backwards.
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

    /// Where it is then: on the straight way between samples, at the first before them and at the last behind them. Where it was put
    /// elsewhere it jumps.
    pub fn at(&self, seconds: f64) -> Place {
        let behind = self.samples.partition_point(|(time, _)| *time <= seconds);
        let from = behind
            .checked_sub(1)
            .and_then(|index| self.samples.get(index));
        match (from, self.samples.get(behind)) {
            (Some((before, from)), Some((after, to))) => {
                let way = from.distance_to(*to);
                if way > FASTEST * (after - before) {
                    *from
                } else {
                    from.towards(*to, (seconds - before) / (after - before))
                }
            }
            (Some((_, place)), None) | (None, Some((_, place))) => *place,
            (None, None) => Place::default(),
        }
    }

    /// Its end in seconds.
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
    fn it_goes_straight_between_samples_and_stays_at_either_end() {
        let track = Track::new(vec![(1.0, x(1.0)), (2.0, x(3.0))]).expect("a track");
        assert_eq!(track.at(0.0), x(1.0));
        assert_eq!(track.at(1.5), x(2.0));
        assert_eq!(track.at(9.0), x(3.0));
        assert!((track.end() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_put_elsewhere_jumps() {
        let track = Track::new(vec![(0.0, x(0.0)), (0.1, x(10.0))]).expect("a track");
        assert_eq!(track.at(0.05), x(0.0));
        assert_eq!(track.at(0.1), x(10.0));
    }

    #[test]
    fn time_does_not_go_backwards() {
        assert_eq!(Track::new(Vec::new()), Err(TrackError::Empty));
        let backwards = vec![(0.0, x(0.0)), (1.0, x(0.0)), (0.5, x(0.0))];
        assert_eq!(Track::new(backwards), Err(TrackError::OutOfOrder(2)));
    }
}
