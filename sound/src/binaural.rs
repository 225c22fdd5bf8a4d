//! Renders a moving source for both ears.

use crate::delay::DelayLine;
use crate::head::{Ear, Ears, Shadow};
use crate::place::{Place, distance_gain};

/// The time constant in seconds with which gain, delay and brightness follow the place: long enough to avoid clicks,
/// too short to notice.
const SMOOTHING_TIME: f64 = 0.008;

/// A moving source.
#[derive(Debug, Clone)]
pub struct Binaural {
    sample_rate: f64,
    /// The fraction of the remaining change that each sample covers.
    step: f64,
    line: DelayLine,
    gain: Smoother,
    left: EarFilter,
    right: EarFilter,
}

/// The filters of one ear.
#[derive(Debug, Clone)]
struct EarFilter {
    delay: Smoother,
    brightness: Smoother,
    shadow: Shadow,
}

/// A value that follows a target without steps and corners: two one-pole low-pass filters in series.
#[derive(Debug, Clone, Default)]
struct Smoother {
    first: f64,
    second: f64,
}

impl Smoother {
    fn towards(&mut self, target: f64, step: f64) -> f64 {
        self.first += (target - self.first) * step;
        self.second += (self.first - self.second) * step;
        self.second
    }
}

impl EarFilter {
    fn new(sample_rate: u32) -> Self {
        Self {
            delay: Smoother::default(),
            brightness: Smoother::default(),
            shadow: Shadow::new(sample_rate),
        }
    }

    fn process(&mut self, line: &DelayLine, sample_rate: f64, ear: Ear, step: f64) -> f64 {
        let delay = self.delay.towards(ear.delay, step);
        let brightness = self.brightness.towards(ear.brightness, step);
        self.shadow
            .filter(line.read(delay * sample_rate), brightness)
    }
}

impl Binaural {
    /// Creates a source at a sample rate in hertz.
    pub fn new(sample_rate: u32) -> Self {
        let rate = f64::from(sample_rate);
        Self {
            sample_rate: rate,
            // The first sample sets all values at once.
            step: 1.0,
            line: DelayLine::new(Ear::longest_delay() * rate),
            gain: Smoother::default(),
            left: EarFilter::new(sample_rate),
            right: EarFilter::new(sample_rate),
        }
    }

    /// Returns the left and the right signal of the next sample of a source at a place.
    pub fn process(&mut self, sample: f64, place: Place) -> (f64, f64) {
        let ears = Ears::of(place);
        let (rate, step) = (self.sample_rate, self.step);
        self.step = 1.0 - (-1.0 / (SMOOTHING_TIME * rate)).exp();
        let gain = self.gain.towards(distance_gain(place.distance()), step);
        self.line.push(sample * gain);
        (
            self.left.process(&self.line, rate, ears.left, step),
            self.right.process(&self.line, rate, ears.right, step),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// Returns noise that is the same in each run.
    fn noise(count: usize) -> Vec<f64> {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn render(input: &[f64], place: impl Fn(f64) -> Place) -> (Vec<f64>, Vec<f64>) {
        let mut source = Binaural::new(RATE);
        let channels = input
            .iter()
            .enumerate()
            .map(|(index, sample)| source.process(*sample, place(index as f64 / f64::from(RATE))));
        channels.unzip()
    }

    fn loudness(samples: &[f64]) -> f64 {
        let power: f64 = samples.iter().map(|sample| sample * sample).sum();
        10.0 * (power / samples.len() as f64).log10()
    }

    /// Returns the lag in samples at which `later` correlates best with `earlier`.
    fn lag(earlier: &[f64], later: &[f64]) -> i32 {
        let correlation = |lag: &i32| -> f64 {
            let pairs = (100..earlier.len() - 100)
                .map(|index| earlier[index] * later[(index as i32 + lag) as usize]);
            pairs.sum()
        };
        let lags = -60..=60;
        lags.max_by(|one, other| correlation(one).total_cmp(&correlation(other)))
            .expect("some")
    }

    fn at(x: f64, y: f64) -> impl Fn(f64) -> Place {
        move |_| Place { x, y, z: 0.0 }
    }

    #[test]
    fn a_source_on_the_left_is_louder_and_earlier_at_the_left_ear() {
        let input = noise(9600);
        for (x, y) in [(0.0, 1.4), (1.0, 1.0), (-1.0, 1.0)] {
            let (left, right) = render(&input, at(x, y));
            let difference = loudness(&left) - loudness(&right);
            assert!(difference > 6.0, "{difference} dB at {x}, {y}");
            assert!(lag(&left, &right) > 10, "at {x}, {y}");
            let (mirrored_left, mirrored_right) = render(&input, at(x, -y));
            assert!((loudness(&mirrored_right) - loudness(&left)).abs() < 0.01);
            assert!((loudness(&mirrored_left) - loudness(&right)).abs() < 0.01);
        }
        for x in [1.4, -1.4] {
            let (left, right) = render(&input, at(x, 0.0));
            assert!((loudness(&left) - loudness(&right)).abs() < 0.01);
        }
    }

    #[test]
    fn twice_the_distance_is_6_db_softer() {
        let input = noise(9600);
        let (near, _) = render(&input, at(1.4, 0.0));
        let (far, _) = render(&input, at(2.8, 0.0));
        let difference = loudness(&near) - loudness(&far);
        assert!((difference - 6.02).abs() < 0.5, "{difference} dB");
    }

    /// Returns the largest second difference, which is large at a click.
    fn roughness(samples: &[f64]) -> f64 {
        let bends = samples
            .windows(3)
            .map(|three| (three[2] - 2.0 * three[1] + three[0]).abs());
        bends.fold(0.0, f64::max)
    }

    #[test]
    fn neither_a_circle_nor_a_jump_clicks() {
        let tone: Vec<f64> = (0..RATE * 2)
            .map(|sample| {
                (f64::from(sample) * 440.0 / f64::from(RATE) * std::f64::consts::TAU).sin()
            })
            .collect();
        // The roughest signal of a still source is that of the nearer ear at the side.
        let (still, _) = render(&tone, at(0.0, 1.0));
        let smooth = roughness(&still[1000..]);
        let circle = |time: f64| {
            let (y, x) = (time / 2.0 * std::f64::consts::TAU).sin_cos();
            Place { x, y, z: 0.0 }
        };
        let jump = |time: f64| Place {
            x: 0.0,
            y: if time < 1.0 { 1.0 } else { -1.0 },
            z: 0.0,
        };
        let paths: [(&str, &dyn Fn(f64) -> Place); 2] = [("circle", &circle), ("jump", &jump)];
        for (name, path) in paths {
            let (left, right) = render(&tone, path);
            for channel in [left, right] {
                let rough = roughness(&channel[1000..]);
                assert!(rough < 1.25 * smooth, "{name}: {rough}, still {smooth}");
            }
        }
    }
}
