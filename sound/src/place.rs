//! Places, and how loud a source is there.

/// A place in metres: x forward, y left, z up, the listener at the origin facing +x.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place {
    /// Forward.
    pub x: f64,
    /// Left.
    pub y: f64,
    /// Up.
    pub z: f64,
}

/// The distance in metres at which a source is as loud as it is recorded.
const REFERENCE: f64 = 1.4;

/// Nearer than this, in metres, a source grows no louder.
const NEAREST: f64 = 0.2;

impl Place {
    /// Metres from the listener.
    pub fn distance(self) -> f64 {
        self.x.hypot(self.y).hypot(self.z)
    }

    /// Degrees from straight ahead (+x) towards the left (+y), from -180 to 180.
    pub fn azimuth(self) -> f64 {
        self.y.atan2(self.x).to_degrees()
    }

    /// Where this place is as seen from another, facing so many degrees from +x towards +y.
    #[must_use]
    pub fn seen_from(self, listener: Self, heading: f64) -> Self {
        let (dx, dy) = (self.x - listener.x, self.y - listener.y);
        let (sin, cos) = heading.to_radians().sin_cos();
        Self {
            x: dx * cos + dy * sin,
            y: dy * cos - dx * sin,
            z: self.z - listener.z,
        }
    }

    /// The place this far (0 to 1) on the straight way to `target`.
    #[must_use]
    pub fn towards(self, target: Self, fraction: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * fraction;
        Self {
            x: mix(self.x, target.x),
            y: mix(self.y, target.y),
            z: mix(self.z, target.z),
        }
    }

    /// Metres to another place.
    pub fn distance_to(self, other: Self) -> f64 {
        let difference = Self {
            x: other.x - self.x,
            y: other.y - self.y,
            z: other.z - self.z,
        };
        difference.distance()
    }
}

/// The factor of a source's loudness at so many metres: 1 at 1.4 m, falling as 1/distance, constant nearer than 0.2 m.
pub fn distance_gain(distance: f64) -> f64 {
    REFERENCE / distance.max(NEAREST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decibels(gain: f64) -> f64 {
        20.0 * gain.log10()
    }

    #[test]
    fn azimuth_grows_to_the_left() {
        let at = |x, y| Place { x, y, z: 0.0 };
        assert!(at(1.0, 0.0).azimuth().abs() < 1e-9);
        assert!((at(0.0, 2.0).azimuth() - 90.0).abs() < 1e-9);
        assert!((at(0.0, -2.0).azimuth() + 90.0).abs() < 1e-9);
    }

    #[test]
    fn a_listener_who_faces_left_has_the_left_ahead() {
        let ahead = Place {
            x: 1.0,
            y: 3.0,
            z: 1.0,
        };
        let listener = Place {
            x: 1.0,
            y: 1.0,
            z: 0.5,
        };
        let seen = ahead.seen_from(listener, 90.0);
        let expected = Place {
            x: 2.0,
            y: 0.0,
            z: 0.5,
        };
        assert!(seen.distance_to(expected) < 1e-9, "{seen:?}");
        let right = Place { x: 3.0, ..listener }.seen_from(listener, 90.0);
        assert!((right.azimuth() + 90.0).abs() < 1e-9, "{right:?}");
    }

    #[test]
    fn distance_counts_height() {
        let place = Place {
            x: 2.0,
            y: 3.0,
            z: 6.0,
        };
        assert!((place.distance() - 7.0).abs() < 1e-9);
    }

    #[test]
    fn loudness_halves_with_twice_the_distance_and_is_bounded_near_the_head() {
        assert!((distance_gain(1.4) - 1.0).abs() < 1e-12);
        let halved = decibels(distance_gain(1.4)) - decibels(distance_gain(2.8));
        assert!((halved - 6.02).abs() < 0.01, "{halved} dB");
        assert!((distance_gain(0.0) - 7.0).abs() < 1e-12);
        assert!((distance_gain(0.2) - distance_gain(0.1)).abs() < 1e-12);
    }
}
