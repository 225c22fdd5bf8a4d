//! The characters that left recently, so that an update can name them.

use std::collections::VecDeque;

/// How many ticks a leave is remembered: at least 9 s.
const MAX_TICKS: u64 = 300;

/// The most leaves remembered. More than this, and a complete update replaces the list.
const MAX_LEAVES: usize = 4096;

/// Leaves of the last [`MAX_TICKS`] ticks, at most [`MAX_LEAVES`] of them.
#[derive(Debug, Clone, Default)]
pub(super) struct RecentLeaves {
    /// Ticks and character ids, oldest first.
    leaves: VecDeque<(u64, u32)>,
    /// Every leave after this tick is in the list.
    complete_since: u64,
}

impl RecentLeaves {
    /// Adds the characters that left at a tick, and forgets the oldest leaves past the limits.
    pub(super) fn record(&mut self, tick: u64, characters: impl Iterator<Item = u32>) {
        self.leaves.extend(characters.map(|id| (tick, id)));
        self.complete_since = self.complete_since.max(tick.saturating_sub(MAX_TICKS));
        while let Some(&(left, _)) = self.leaves.front()
            && (left < self.complete_since || self.leaves.len() > MAX_LEAVES)
        {
            self.complete_since = self.complete_since.max(left);
            self.leaves.pop_front();
        }
    }

    /// Whether the list has every leave after this tick.
    pub(super) fn reaches_back_to(&self, tick: u64) -> bool {
        tick >= self.complete_since
    }

    /// Returns the characters that left after this tick, oldest first.
    pub(super) fn after(&self, tick: u64) -> impl Iterator<Item = u32> {
        let later = self.leaves.iter().filter(move |(left, _)| *left > tick);
        later.map(|(_, id)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_remembered_for_300_ticks() {
        let mut leaves = RecentLeaves::default();
        leaves.record(1, [7].into_iter());
        leaves.record(1 + MAX_TICKS, [8, 9].into_iter());
        assert!(leaves.reaches_back_to(1) && !leaves.reaches_back_to(0));
        assert_eq!(leaves.after(0).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(leaves.after(1).collect::<Vec<_>>(), [8, 9]);
        leaves.record(2 + MAX_TICKS, [].into_iter());
        assert!(leaves.reaches_back_to(2) && !leaves.reaches_back_to(1));
        assert_eq!(leaves.after(0).collect::<Vec<_>>(), [8, 9]);
    }

    #[test]
    fn at_most_4096_leaves_are_remembered() {
        let mut leaves = RecentLeaves::default();
        leaves.record(5, 0..MAX_LEAVES as u32);
        assert!(leaves.reaches_back_to(0), "at the limit");
        leaves.record(6, [1].into_iter());
        assert!(leaves.reaches_back_to(5) && !leaves.reaches_back_to(4));
        assert_eq!(leaves.after(0).count(), MAX_LEAVES);
        leaves.record(7, 0..2 * MAX_LEAVES as u32);
        assert!(leaves.reaches_back_to(7) && !leaves.reaches_back_to(6));
        assert_eq!(leaves.after(0).count(), MAX_LEAVES);
    }
}
