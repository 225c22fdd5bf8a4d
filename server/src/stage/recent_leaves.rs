//! The characters that left recently, so that an update can name them.

use std::collections::VecDeque;

use crate::limits::MAX_LEAVES;

/// The last [`MAX_LEAVES`] leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct RecentLeaves {
    /// Ticks and character ids, oldest first.
    leaves: VecDeque<(u64, u32)>,
    /// Every leave after this tick is in the list.
    complete_since: u64,
}

impl RecentLeaves {
    /// Adds the characters that left at a tick, and forgets the oldest leaves past the limit.
    pub(super) fn record(&mut self, tick: u64, characters: impl Iterator<Item = u32>) {
        self.leaves.extend(characters.map(|id| (tick, id)));
        while self.leaves.len() > MAX_LEAVES
            && let Some((left, _)) = self.leaves.pop_front()
        {
            self.complete_since = left;
        }
    }

    /// Returns whether the list has every leave after this tick.
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
    fn leaves_after_a_tick_are_remembered() {
        let mut leaves = RecentLeaves::default();
        leaves.record(1, [7].into_iter());
        leaves.record(1000, [8, 9].into_iter());
        assert!(leaves.reaches_back_to(0));
        assert_eq!(leaves.after(0).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(leaves.after(1).collect::<Vec<_>>(), [8, 9]);
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
