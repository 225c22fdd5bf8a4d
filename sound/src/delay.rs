//! A delay line with fractional delays.

/// The samples on either side of the reading point that interpolation needs.
const SUPPORT: usize = 2;

/// The last samples, readable at any point between them.
#[derive(Debug, Clone)]
pub(crate) struct DelayLine {
    samples: Vec<f64>,
    /// The index of the next sample.
    next: usize,
}

impl DelayLine {
    /// Creates a delay line for delays of at most `longest` samples.
    pub(crate) fn new(longest: f64) -> Self {
        let length = longest.ceil() as usize + 2 * SUPPORT + 1;
        Self {
            samples: vec![0.0; length.next_power_of_two()],
            next: 0,
        }
    }

    pub(crate) fn push(&mut self, sample: f64) {
        self.samples[self.next] = sample;
        self.next = (self.next + 1) % self.samples.len();
    }

    /// Returns the signal `delay` + 1 samples ago, interpolated by a Catmull-Rom spline through four samples. The extra
    /// sample is the look-ahead of the spline.
    pub(crate) fn read(&self, delay: f64) -> f64 {
        let delay = delay.max(0.0) + 1.0;
        let whole = delay.floor();
        let fraction = delay - whole;
        let ago = |samples: usize| {
            let length = self.samples.len();
            self.samples[(self.next + 2 * length - 1 - samples) % length]
        };
        let whole = whole as usize;
        let (before, from, to, after) =
            (ago(whole - 1), ago(whole), ago(whole + 1), ago(whole + 2));
        let slope_from = (to - before) / 2.0;
        let slope_to = (after - from) / 2.0;
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
    fn a_tone_is_delayed_by_fractions_of_a_sample() {
        let tone = |time: f64| (time * 0.1).sin();
        for delay in [0.0, 0.25, 7.5, 33.9] {
            let mut line = DelayLine::new(34.0);
            for sample in 0..200 {
                line.push(tone(f64::from(sample)));
            }
            let expected = tone(199.0 - delay - 1.0);
            let delayed = line.read(delay);
            assert!(
                (delayed - expected).abs() < 1e-4,
                "{delay}: {delayed} {expected}"
            );
        }
    }
}
