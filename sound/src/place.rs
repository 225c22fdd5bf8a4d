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

    /// The place this far (0 to 1) on the straight way to `target`.
    pub(crate) fn towards(self, target: Self, fraction: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * fraction;
        Self {
            x: mix(self.x, target.x),
            y: mix(self.y, target.y),
            z: mix(self.z, target.z),
        }
    }

    /// Metres to another place.
    pub(crate) fn distance_to(self, other: Self) -> f64 {
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
    fn loudness_halves_with_twice_the_distance_and_is_bounded_near_the_head() {
        assert!((distance_gain(1.4) - 1.0).abs() < 1e-12);
        let halved = decibels(distance_gain(1.4)) - decibels(distance_gain(2.8));
        assert!((halved - 6.02).abs() < 0.01, "{halved} dB");
        assert!((distance_gain(0.0) - 7.0).abs() < 1e-12);
        assert!((distance_gain(0.2) - distance_gain(0.1)).abs() < 1e-12);
    }
}
