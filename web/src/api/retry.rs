//! Retry policy: exponential back-off with jitter, and no retry after a final error.
//!
//! A read or a stream is retried after every error that is not final. An action of the reader (join, import, delete) is
//! retried only after [`CallError::Unreachable`]; the reader sees any other error and decides.

use std::time::Duration;

use leptos::prelude::*;

use super::error::CallError;
use crate::browser;

/// Longest delay before the first retry, in milliseconds. Short, for a server that restarts.
const FIRST_DELAY: u32 = 300;

/// Longest delay before any retry, in milliseconds.
const MAX_DELAY: u32 = 3000;

/// Delay between the attempts of one retry loop.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure and returns the delay before the next attempt.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let delay = delay(self.failures, browser::random());
        self.failures += 1;
        delay
    }

    /// Starts anew with a short delay. Call this after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Starts anew if a stream was open for longer than any delay. A stream that breaks sooner keeps backing off.
    pub(super) fn reset_after(&mut self, milliseconds: f64) {
        if milliseconds > f64::from(MAX_DELAY) {
            self.reset();
        }
    }
}

/// Returns the delay after this number of earlier failures. It doubles up to [`MAX_DELAY`]; `random`, from 0 to 1, picks
/// a time in its second half, so that pages that lost the same server do not return at once.
fn delay(failures: u32, random: f64) -> Duration {
    let longest = (FIRST_DELAY << failures.min(8)).min(MAX_DELAY);
    let half = longest / 2;
    Duration::from_millis((half + (random * f64::from(half)) as u32).into())
}

/// Calls `again` after a back-off whenever `failure` is set to an error that is not final; ends with its owner.
pub(crate) fn retry_while_failed(failure: Signal<Option<CallError>>, again: Callback<()>) {
    let backoff = StoredValue::new(Backoff::default());
    Effect::new(
        move |_| match failure.with(|failure| failure.as_ref().map(CallError::is_final)) {
            None => backoff.update_value(Backoff::reset),
            Some(true) => {}
            Some(false) => {
                let delay = backoff.try_update_value(Backoff::next_delay);
                browser::spawn_scoped(async move {
                    browser::sleep(delay.unwrap_or_default()).await;
                    again.run(());
                });
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit() {
        let longest = |failures| delay(failures, 1.0).as_millis();
        assert_eq!([0, 1, 2, 3, 4].map(longest), [300, 600, 1200, 2400, 3000]);
        assert_eq!(longest(u32::MAX), 3000);
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        assert_eq!(delay(0, 0.0).as_millis(), 150);
        assert_eq!(delay(0, 0.5).as_millis(), 225);
        assert_eq!(delay(9, 0.0).as_millis(), 1500);
    }

    #[test]
    fn only_a_stream_that_lasted_starts_the_delays_anew() {
        let mut backoff = Backoff { failures: 3 };
        backoff.reset_after(2000.0);
        assert_eq!(backoff.failures, 3);
        backoff.reset_after(60_000.0);
        assert_eq!(backoff.failures, 0);
    }
}
