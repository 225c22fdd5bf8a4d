//! The head as a rigid sphere, after C. P. Brown and R. O. Duda, "A structural model for binaural sound synthesis", IEEE
//! Transactions on Speech and Audio Processing 6 (1998), section II.
//!
//! Each ear hears a source later the further round the sphere it is, and duller in its shadow: a delay (Woodworth's) and a filter
//! of one pole and one zero. The pole is the same everywhere, so moving changes the zero alone and the filter never rings.
//! The model has no outer ears: above, in front and behind differ little, as they do for a head without them.

use crate::place::Place;

/// The sphere's radius in metres, an average head's.
const RADIUS: f64 = 0.0875;

/// Metres a second.
pub(crate) const SPEED_OF_SOUND: f64 = 343.0;

/// Where the ears are: so many degrees to either side of straight ahead, which is a little behind the middle.
const EAR_AZIMUTH: f64 = 100.0;

/// The shadow is deepest at this angle from the ear, in degrees, and not opposite: there, what comes round both sides meets.
const DEEPEST_SHADOW: f64 = 150.0;

/// The least and the greatest that high frequencies are multiplied with, halved difference and mean: from 0.1 to 2.
const SHADOW_MEAN: f64 = 1.05;
const SHADOW_DEPTH: f64 = 0.95;

/// What reaches an ear.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ear {
    /// Seconds after what reaches the ear that the source is right at.
    pub delay: f64,
    /// What high frequencies are multiplied with; low ones are as they are.
    pub brightness: f64,
}

/// What reaches either ear.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ears {
    /// The ear at +y.
    pub left: Ear,
    /// The ear at -y.
    pub right: Ear,
}

impl Ears {
    /// Of a source at this place. At the very origin it is ahead.
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
        let round_the_sphere = if cosine >= 0.0 {
            1.0 - cosine
        } else {
            1.0 + incidence - std::f64::consts::FRAC_PI_2
        };
        let shadow = incidence.to_degrees() / DEEPEST_SHADOW * std::f64::consts::PI;
        Self {
            delay: RADIUS / SPEED_OF_SOUND * round_the_sphere,
            brightness: SHADOW_MEAN + SHADOW_DEPTH * shadow.cos(),
        }
    }

    /// The longest delay that there is, in seconds.
    pub(crate) fn longest_delay() -> f64 {
        RADIUS / SPEED_OF_SOUND * (1.0 + std::f64::consts::FRAC_PI_2)
    }
}

/// The filter of one ear at a sample rate: H(s) = (b s + w) / (s + w) with the brightness b and w = 2 c / a, by the
/// bilinear transformation.
#[derive(Debug, Clone)]
pub(crate) struct Shadow {
    /// Twice the sample rate, and the pole, both in radians a second.
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
    fn the_ear_that_is_nearer_hears_it_first_and_brighter_in_front_and_behind() {
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
    fn both_ears_hear_the_same_of_what_is_in_the_middle() {
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
    fn the_longest_way_round_takes_seven_tenths_of_a_millisecond() {
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
                    let heard = shadow.filter(phase.sin(), brightness);
                    if sample > 24_000 {
                        peak = peak.max(heard.abs());
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
