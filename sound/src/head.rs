//! The head as a rigid sphere, after C. P. Brown and R. O. Duda, "A structural model for binaural sound synthesis",
//! IEEE Transactions on Speech and Audio Processing 6 (1998), section II.
//!
//! The sphere delays a source for the farther ear, and shadows its high frequencies. The delay is
//! Woodworth's; the shadow is a filter of one pole and one zero. The pole is fixed: movement changes only the zero, so
//! that the filter never rings. The model has no outer ears, so that above, in front and behind differ little.

use crate::place::Place;

/// The radius of the sphere in metres: an average head.
const RADIUS: f64 = 0.0875;

/// Metres per second.
pub(crate) const SPEED_OF_SOUND: f64 = 343.0;

/// The azimuth of the ears in degrees to either side: slightly behind the middle of the head.
const EAR_AZIMUTH: f64 = 100.0;

/// The angle from the ear at which the shadow is deepest, in degrees. Opposite the ear, at 180 degrees, the waves
/// around both sides meet and the shadow is weaker.
const DEEPEST_SHADOW: f64 = 150.0;

/// The mean and the half range of the gain of high frequencies, which lies between 0.1 and 2.
const SHADOW_MEAN: f64 = 1.05;
const SHADOW_DEPTH: f64 = 0.95;

/// The signal at an ear, relative to the source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ear {
    /// The delay in seconds, relative to an ear that faces the source.
    pub delay: f64,
    /// The gain of high frequencies; that of low frequencies is 1.
    pub brightness: f64,
}

/// The signals at both ears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ears {
    /// The ear at +y.
    pub left: Ear,
    /// The ear at -y.
    pub right: Ear,
}

impl Ears {
    /// Returns the signals of a source at a place. A source at the origin is ahead.
    pub fn of(place: Place) -> Self {
        Self {
            left: Ear::at(EAR_AZIMUTH, place),
            right: Ear::at(-EAR_AZIMUTH, place),
        }
    }
}

impl Ear {
    fn at(azimuth: f64, place: Place) -> Self {
        let distance = place.distance();
        let (sin, cos) = azimuth.to_radians().sin_cos();
        let cosine = if distance > 0.0 {
            ((place.x * cos + place.y * sin) / distance).clamp(-1.0, 1.0)
        } else {
            cos
        };
        let incidence = cosine.acos();
        let path = if cosine >= 0.0 {
            1.0 - cosine
        } else {
            1.0 + incidence - std::f64::consts::FRAC_PI_2
        };
        let shadow = incidence.to_degrees() / DEEPEST_SHADOW * std::f64::consts::PI;
        Self {
            delay: RADIUS / SPEED_OF_SOUND * path,
            brightness: SHADOW_MEAN + SHADOW_DEPTH * shadow.cos(),
        }
    }

    /// Returns the longest possible delay in seconds.
    pub(crate) fn longest_delay() -> f64 {
        RADIUS / SPEED_OF_SOUND * (1.0 + std::f64::consts::FRAC_PI_2)
    }
}

/// The shadow filter of an ear: H(s) = (b s + w) / (s + w) with the brightness b and w = 2 c / a, discretized by the
/// bilinear transform.
#[derive(Debug, Clone)]
pub(crate) struct Shadow {
    /// Twice the sample rate, and the pole, in radians per second.
    rate: f64,
    pole: f64,
    input: f64,
    output: f64,
}

impl Shadow {
    pub(crate) fn new(sample_rate: u32) -> Self {
        Self {
            rate: 2.0 * f64::from(sample_rate),
            pole: 2.0 * SPEED_OF_SOUND / RADIUS,
            input: 0.0,
            output: 0.0,
        }
    }

    pub(crate) fn filter(&mut self, input: f64, brightness: f64) -> f64 {
        let Self { rate, pole, .. } = *self;
        let zero = brightness * rate;
        let sum = (zero + pole) * input + (pole - zero) * self.input - (pole - rate) * self.output;
        self.input = input;
        self.output = sum / (rate + pole);
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(azimuth: f64, elevation: f64) -> Ears {
        let (up, flat) = elevation.to_radians().sin_cos();
        let (y, x) = azimuth.to_radians().sin_cos();
        Ears::of(Place {
            x: x * flat,
            y: y * flat,
            z: up,
        })
    }

    #[test]
    fn the_nearer_ear_has_less_delay_and_more_brightness_in_front_and_behind() {
        for azimuth in [20.0, 45.0, 90.0, 135.0, 160.0] {
            let Ears { left, right } = at(azimuth, 0.0);
            assert!(left.delay < right.delay, "{azimuth}");
            assert!(left.brightness > right.brightness, "{azimuth}");
            let mirrored = at(-azimuth, 0.0);
            assert!((mirrored.left.delay - right.delay).abs() < 1e-12);
            assert!((mirrored.right.brightness - left.brightness).abs() < 1e-12);
        }
    }

    #[test]
    fn both_ears_are_equal_for_sources_in_the_median_plane() {
        for (azimuth, elevation) in [(0.0, 0.0), (180.0, 0.0), (0.0, 90.0), (0.0, -45.0)] {
            let Ears { left, right } = at(azimuth, elevation);
            assert!(
                (left.delay - right.delay).abs() < 1e-12,
                "{azimuth} {elevation}"
            );
            assert!((left.brightness - right.brightness).abs() < 1e-9);
        }
        assert_eq!(Ears::of(Place::default()).left, at(0.0, 0.0).left);
    }

    #[test]
    fn the_longest_interaural_delay_is_seven_tenths_of_a_millisecond() {
        let Ears { left, right } = at(90.0, 0.0);
        let difference = (right.delay - left.delay) * 1e3;
        assert!((0.6..0.75).contains(&difference), "{difference} ms");
        assert!(right.delay <= Ear::longest_delay());
    }

    #[test]
    fn the_filter_leaves_low_frequencies_and_scales_high_ones() {
        for brightness in [0.1, 1.0, 2.0] {
            let gain = |frequency: f64| {
                let mut shadow = Shadow::new(48_000);
                let mut peak = 0.0_f64;
                for sample in 0..48_000 {
                    let phase = f64::from(sample) / 48_000.0 * frequency * std::f64::consts::TAU;
                    let filtered = shadow.filter(phase.sin(), brightness);
                    if sample > 24_000 {
                        peak = peak.max(filtered.abs());
                    }
                }
                peak
            };
            assert!((gain(20.0) - 1.0).abs() < 0.02, "{brightness}");
            assert!(
                (gain(20_000.0) - brightness).abs() < 0.1 * brightness.max(1.0),
                "{brightness}"
            );
        }
    }
}
