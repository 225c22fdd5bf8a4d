//! Places, and the gain at a distance.

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

/// The distance in metres at which the gain is 1.
const REFERENCE_DISTANCE: f64 = 1.4;

/// The distance in metres below which the gain is constant.
const MIN_DISTANCE: f64 = 0.2;

impl Place {
    /// Returns the distance from the listener in metres.
    pub fn distance(self) -> f64 {
        self.x.hypot(self.y).hypot(self.z)
    }

    /// Returns the azimuth in degrees from straight ahead (+x) towards the left (+y), from -180 to 180.
    pub fn azimuth(self) -> f64 {
        self.y.atan2(self.x).to_degrees()
    }

    /// Returns this place relative to a listener, whose heading is in degrees from +x towards +y.
    #[must_use]
    pub fn relative_to(self, listener: Self, heading: f64) -> Self {
        let (dx, dy) = (self.x - listener.x, self.y - listener.y);
        let (sin, cos) = heading.to_radians().sin_cos();
        Self {
            x: dx * cos + dy * sin,
            y: dy * cos - dx * sin,
            z: self.z - listener.z,
        }
    }

    /// Returns the place at a fraction (0 to 1) of the straight line to `target`.
    #[must_use]
    pub fn towards(self, target: Self, fraction: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * fraction;
        Self {
            x: mix(self.x, target.x),
            y: mix(self.y, target.y),
            z: mix(self.z, target.z),
        }
    }

    /// Returns the distance to another place in metres.
    pub fn distance_to(self, other: Self) -> f64 {
        let difference = Self {
            x: other.x - self.x,
            y: other.y - self.y,
            z: other.z - self.z,
        };
        difference.distance()
    }
}

/// Returns the gain of a source at a distance in metres: 1 at 1.4 m, inversely proportional to the distance, constant
/// below 0.2 m.
pub fn distance_gain(distance: f64) -> f64 {
    REFERENCE_DISTANCE / distance.max(MIN_DISTANCE)
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
    fn a_listener_who_faces_left_has_left_places_ahead() {
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
        let relative = ahead.relative_to(listener, 90.0);
        let expected = Place {
            x: 2.0,
            y: 0.0,
            z: 0.5,
        };
        assert!(relative.distance_to(expected) < 1e-9, "{relative:?}");
        let right = Place { x: 3.0, ..listener }.relative_to(listener, 90.0);
        assert!((right.azimuth() + 90.0).abs() < 1e-9, "{right:?}");
    }

    #[test]
    fn the_distance_includes_the_height() {
        let place = Place {
            x: 2.0,
            y: 3.0,
            z: 6.0,
        };
        assert!((place.distance() - 7.0).abs() < 1e-9);
    }

    #[test]
    fn twice_the_distance_halves_the_gain_which_is_bounded_near_the_head() {
        assert!((distance_gain(1.4) - 1.0).abs() < 1e-12);
        let halved = decibels(distance_gain(1.4)) - decibels(distance_gain(2.8));
        assert!((halved - 6.02).abs() < 0.01, "{halved} dB");
        assert!((distance_gain(0.0) - 7.0).abs() < 1e-12);
        assert!((distance_gain(0.2) - distance_gain(0.1)).abs() < 1e-12);
    }
}
