//! Comparison of two server binaries in one run.

use std::path::PathBuf;

use crate::Result;

/// Rounds of each binary, if there are two.
const ROUNDS: usize = 3;

/// Something of the current binary, and the same of the baseline if there is one.
pub(crate) struct Compared<T> {
    pub(crate) current: T,
    pub(crate) baseline: Option<T>,
}

/// A figure of a result, with its name.
pub(crate) type Figure<T> = (&'static str, fn(&T) -> f64);

/// The server binaries to measure.
pub(crate) type Binaries = Compared<PathBuf>;

impl Binaries {
    /// Returns the current binary, and the baseline that the variable `SOUNDSTAGE_BASELINE` names.
    pub(crate) fn new(current: PathBuf) -> Self {
        let baseline = std::env::var_os("SOUNDSTAGE_BASELINE").map(PathBuf::from);
        Self { current, baseline }
    }
}

impl<S> Compared<S> {
    /// Applies `work` to each once.
    pub(crate) fn each<T>(&self, mut work: impl FnMut(&S) -> Result<T>) -> Result<Compared<T>> {
        Ok(Compared {
            current: work(&self.current)?,
            baseline: self.baseline.as_ref().map(work).transpose()?,
        })
    }

    /// Measures the current binary once; with a baseline, measures both in turn for [`ROUNDS`] rounds. Returns the
    /// medians.
    pub(crate) fn measure<T: Median>(
        &self,
        mut measure: impl FnMut(&S) -> Result<T>,
    ) -> Result<Compared<T>> {
        let Some(baseline) = &self.baseline else {
            return Ok(Compared {
                current: measure(&self.current)?,
                baseline: None,
            });
        };
        let (mut of_current, mut of_baseline) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // The first place changes, so that no binary always has the warmer machine.
            if round % 2 == 1 {
                of_baseline.push(measure(baseline)?);
            }
            of_current.push(measure(&self.current)?);
            if round % 2 == 0 {
                of_baseline.push(measure(baseline)?);
            }
        }
        Ok(Compared {
            current: T::median(&of_current),
            baseline: Some(T::median(&of_baseline)),
        })
    }
}

impl<T> Compared<T> {
    /// Prints a row for each binary and the ratios of the given figures, current / baseline.
    pub(crate) fn print(&self, name: &str, row: impl Fn(&str, &T), figures: &[Figure<T>]) {
        row(name, &self.current);
        if let Some(baseline) = &self.baseline {
            row(&format!("{name}, baseline"), baseline);
            let ratios = figures.iter().map(|(figure, value)| {
                format!("{figure} {:.3}", value(&self.current) / value(baseline))
            });
            println!(
                "    current / baseline: {}",
                ratios.collect::<Vec<_>>().join(", ")
            );
        }
    }
}

/// A result that has a median.
pub(crate) trait Median: Sized {
    /// Returns the median of each figure. `results` has at least one element.
    fn median(results: &[Self]) -> Self;
}

impl Median for f64 {
    fn median(results: &[Self]) -> Self {
        median(results, |value| *value)
    }
}

/// Returns the median of one figure of the results.
pub(crate) fn median<T>(results: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = results.iter().map(figure).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
