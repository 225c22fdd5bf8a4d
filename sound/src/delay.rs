//! A delay between samples.

/// Samples on either side of the point that is read, which its value is made of.
const AROUND: usize = 2;

/// The last samples, read at any point between them.
#[derive(Debug, Clone)]
pub(crate) struct DelayLine {
    samples: Vec<f64>,
    /// Where the next sample goes.
    next: usize,
}

impl DelayLine {
    /// For delays of up to `longest` samples.
    pub(crate) fn new(longest: f64) -> Self {
        let length = longest.ceil() as usize + 2 * AROUND + 1;
        Self {
            samples: vec![0.0; length.next_power_of_two()],
            next: 0,
        }
    }

    pub(crate) fn push(&mut self, sample: f64) {
        self.samples[self.next] = sample;
        self.next = (self.next + 1) % self.samples.len();
    }

    /// The signal so many samples ago, and one more that the interpolation needs: a cubic through four samples, after Catmull
    /// and Rom.
    pub(crate) fn read(&self, delay: f64) -> f64 {
        let delay = delay.max(0.0) + 1.0;
        let whole = delay.floor();
        let fraction = delay - whole;
        let ago = |samples: usize| {
            let length = self.samples.len();
            self.samples[(self.next + 2 * length - 1 - samples) % length]
        };
        let whole = whole as usize;
        let (before, from, to, behind) =
            (ago(whole - 1), ago(whole), ago(whole + 1), ago(whole + 2));
        let slope_from = (to - before) / 2.0;
        let slope_to = (behind - from) / 2.0;
        let rise = to - from;
        let square = 3.0 * rise - 2.0 * slope_from - slope_to;
        let cube = slope_from + slope_to - 2.0 * rise;
        from + fraction * (slope_from + fraction * (square + fraction * cube))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_delayed_by_parts_of_a_sample() {
        let tone = |time: f64| (time * 0.1).sin();
        for delay in [0.0, 0.25, 7.5, 33.9] {
            let mut line = DelayLine::new(34.0);
            for sample in 0..200 {
                line.push(tone(f64::from(sample)));
            }
            let expected = tone(199.0 - delay - 1.0);
            let heard = line.read(delay);
            assert!(
                (heard - expected).abs() < 1e-4,
                "{delay}: {heard} {expected}"
            );
        }
    }
}
