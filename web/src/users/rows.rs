//! The known rows of a table that may have a million rows: blocks of rows, fetched on demand.

use std::ops::Range;

use soundstage_proto::user::{ListUsersResponse, User};

/// Rows fetched at once.
pub(super) const BLOCK: u32 = 100;

/// The maximum number of blocks kept; the last fetched blocks stay.
const MAX_BLOCKS: usize = 24;

/// The maximum number of changes kept for blocks that are in flight.
const MAX_CHANGES: usize = 1000;

/// The known rows of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// The total number of rows, once it is known.
    total: Option<u32>,
    /// Whether there are more rows than `total`: the server counts only up to a limit.
    is_lower_bound: bool,
    /// Whether the rows belong to the previous query. They are shown until the first block of the query arrives.
    is_outdated: bool,
    /// The known blocks, by the time of their fetch, oldest first.
    blocks: Vec<Block>,
    /// The latest changes, by ascending sequence number. A block that arrives late may lack them.
    changes: Vec<(i64, RowChange)>,
    /// The sequence number of the latest change that is no longer in `changes`.
    dropped: i64,
    /// Number of times that all blocks became stale.
    staleness: u32,
}

#[derive(Debug, Clone)]
struct Block {
    number: u32,
    rows: Vec<Row>,
    /// The sequence number of the latest change that the block includes.
    sequence: i64,
    /// Whether the block must be fetched again; its rows are shown until then.
    is_stale: bool,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) user: User,
    pub(super) is_deleted: bool,
}

/// Change of a row. The row keeps its position until its block is fetched again.
#[derive(Debug, Clone)]
pub(super) enum RowChange {
    Changed(User),
    /// The user with this id is deleted.
    Deleted(u32),
}

impl RowChange {
    fn apply<'a>(&self, rows: impl Iterator<Item = &'a mut Row>) {
        match self {
            Self::Changed(user) => {
                let is_older =
                    |row: &&mut Row| row.user.id == user.id && row.user.revision < user.revision;
                rows.filter(is_older)
                    .for_each(|row| row.user.clone_from(user));
            }
            Self::Deleted(id) => rows
                .filter(|row| row.user.id == *id)
                .for_each(|row| row.is_deleted = true),
        }
    }
}

impl Rows {
    pub(super) fn total(&self) -> Option<u32> {
        self.total
    }

    pub(super) fn is_lower_bound(&self) -> bool {
        self.is_lower_bound
    }

    /// Returns whether the rows of the query are yet to arrive.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_outdated || self.total.is_none()
    }

    /// Returns the total number of rows if it is exact, so that rows can be counted from the end.
    pub(super) fn exact_total(&self) -> Option<u32> {
        let is_exact = !self.is_lower_bound && !self.is_outdated;
        self.total.filter(|_| is_exact)
    }

    /// Returns the number of rows to scroll through.
    pub(super) fn extent(&self) -> u32 {
        let known = |block: &Block| {
            let end = block.number * BLOCK + block.rows.len() as u32;
            // A full block may have rows after it.
            end + u32::from(self.is_lower_bound && block.rows.len() as u32 == BLOCK)
        };
        let furthest = self.blocks.iter().map(known).max().unwrap_or_default();
        let total = self.total.unwrap_or_default();
        if self.is_lower_bound {
            total.max(furthest)
        } else {
            total
        }
    }

    pub(super) fn row(&self, number: u32) -> Option<Row> {
        let block = self
            .blocks
            .iter()
            .find(|block| block.number == number / BLOCK)?;
        block.rows.get((number % BLOCK) as usize).cloned()
    }

    /// Returns the number of a user's row, if the row is known.
    pub(super) fn number_of(&self, id: u32) -> Option<u32> {
        self.blocks.iter().find_map(|block| {
            let index = block.rows.iter().position(|row| row.user.id == id)?;
            Some(block.number * BLOCK + index as u32)
        })
    }

    /// Returns the blocks to fetch for a range of rows.
    pub(super) fn missing(&self, rows: &Range<u32>) -> Vec<u32> {
        if self.is_outdated {
            return vec![0];
        }
        let last = rows.end.min(self.extent().max(1)).saturating_sub(1);
        let is_known = |number: &u32| {
            let mut blocks = self.blocks.iter();
            blocks.any(|block| block.number == *number && !block.is_stale)
        };
        let wanted = rows.start.min(last) / BLOCK..=last / BLOCK;
        wanted.filter(|number| !is_known(number)).collect()
    }

    /// Begins another query. The rows stay until the first block of the query arrives.
    pub(super) fn begin_query(&mut self) {
        self.is_outdated = true;
    }

    /// Adds a block, or replaces it. Drops the oldest block beyond [`MAX_BLOCKS`]. `staleness` is the state at the time
    /// of the request. Returns false if the block lacks changes and must be fetched again.
    pub(super) fn insert(&mut self, number: u32, page: ListUsersResponse, staleness: u32) -> bool {
        if std::mem::take(&mut self.is_outdated) {
            self.blocks.clear();
        }
        self.total = Some(page.total_size);
        self.is_lower_bound = page.total_is_lower_bound;
        let rows = page.users.into_iter().map(|user| Row {
            user,
            is_deleted: false,
        });
        let mut rows: Vec<_> = rows.collect();
        for (sequence, change) in &self.changes {
            if *sequence > page.sequence {
                change.apply(rows.iter_mut());
            }
        }
        let is_stale = staleness != self.staleness || page.sequence < self.dropped;
        self.blocks.retain(|block| block.number != number);
        self.blocks.push(Block {
            number,
            rows,
            sequence: page.sequence,
            is_stale,
        });
        let surplus = self.blocks.len().saturating_sub(MAX_BLOCKS);
        self.blocks.drain(..surplus);
        !is_stale
    }

    /// Adopts a new total, and marks all blocks as stale.
    pub(super) fn recount(&mut self, page: &ListUsersResponse) {
        self.total = Some(page.total_size);
        self.go_stale();
    }

    /// Marks all blocks as stale, including the blocks in flight. Each block is fetched again when its rows are in
    /// view.
    pub(super) fn go_stale(&mut self) {
        self.staleness += 1;
        for block in &mut self.blocks {
            block.is_stale = true;
        }
    }

    /// Returns the number of times that all blocks became stale, for [`Rows::insert`].
    pub(super) fn staleness(&self) -> u32 {
        self.staleness
    }

    /// Returns whether any block may lack a change.
    pub(super) fn are_older_than(&self, sequence: i64) -> bool {
        self.blocks.iter().any(|block| block.sequence < sequence)
    }

    /// Applies a change to the rows, and to blocks that arrive late.
    pub(super) fn change(&mut self, sequence: i64, change: RowChange) {
        change.apply(self.blocks.iter_mut().flat_map(|block| &mut block.rows));
        self.changes.push((sequence, change));
        if self.changes.len() > MAX_CHANGES {
            // Half of the changes at once, since each removal moves all others.
            for (sequence, _) in self.changes.drain(..MAX_CHANGES / 2) {
                self.dropped = sequence;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(first: u32, count: u32, total_size: u32) -> ListUsersResponse {
        let users = (first..first + count).map(|id| User {
            id,
            revision: 1,
            ..User::default()
        });
        ListUsersResponse {
            users: users.collect(),
            total_size,
            ..ListUsersResponse::default()
        }
    }

    fn changed(id: u32, revision: i64, nickname: &str) -> RowChange {
        RowChange::Changed(User {
            id,
            revision,
            nickname: nickname.into(),
            ..User::default()
        })
    }

    fn id_at(rows: &Rows, number: u32) -> Option<u32> {
        rows.row(number).map(|row| row.user.id)
    }

    #[test]
    fn a_block_is_fetched_once_for_the_rows_in_view() {
        let mut rows = Rows::default();
        assert_eq!(rows.missing(&(0..30)), [0]);
        rows.insert(0, page(1, BLOCK, 250), 0);
        assert_eq!(rows.extent(), 250);
        assert!(rows.missing(&(0..30)).is_empty());
        assert_eq!(rows.missing(&(90..310)), [1, 2]);
        rows.insert(2, page(201, 50, 250), 0);
        assert_eq!(rows.missing(&(90..310)), [1]);
        assert_eq!(
            (id_at(&rows, 0), id_at(&rows, 249), id_at(&rows, 150)),
            (Some(1), Some(250), None)
        );
    }

    #[test]
    fn stale_rows_are_shown_and_fetched_again() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, 10, 10), 0);
        rows.change(2, changed(3, 2, "new"));
        rows.change(3, changed(3, 1, "old"));
        rows.change(4, RowChange::Deleted(4));
        assert_eq!(rows.row(2).expect("a row").user.nickname, "new");
        assert!(rows.row(3).expect("a row").is_deleted);
        rows.go_stale();
        assert_eq!(rows.missing(&(0..10)), [0]);
        assert_eq!(id_at(&rows, 3), Some(4));
        let again = ListUsersResponse {
            sequence: 5,
            ..page(4, 5, 5)
        };
        rows.insert(0, again, rows.staleness());
        assert!(
            !rows.row(0).expect("a row").is_deleted,
            "the user was added again"
        );
    }

    #[test]
    fn a_late_block_does_not_revert_a_row() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, 10, 10), 0);
        rows.change(2, changed(3, 2, "new"));
        rows.change(3, RowChange::Deleted(4));
        assert!(rows.insert(0, page(1, 10, 10), 0));
        assert_eq!(rows.row(2).expect("a row").user.nickname, "new");
        assert!(rows.row(3).expect("a row").is_deleted);
        let staleness = rows.staleness();
        rows.go_stale();
        assert!(!rows.insert(0, page(1, 10, 10), staleness));
        assert_eq!(rows.missing(&(0..10)), [0], "the request is older");
    }

    #[test]
    fn a_bounded_number_of_changes_is_kept() {
        let mut rows = Rows::default();
        for id in 1..=100_000 {
            rows.change(id.into(), RowChange::Deleted(id));
        }
        assert!(rows.changes.len() <= MAX_CHANGES);
        assert!(
            !rows.insert(0, page(1, 10, 10), 0),
            "the block lacks dropped changes"
        );
        assert_eq!(rows.missing(&(0..10)), [0]);
    }

    #[test]
    fn rows_stay_until_the_rows_of_the_next_query_arrive() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, BLOCK, 150), 0);
        rows.insert(1, page(101, 50, 150), 0);
        rows.begin_query();
        assert!(rows.is_waiting());
        assert_eq!((rows.extent(), rows.exact_total()), (150, None));
        assert_eq!(rows.missing(&(120..150)), [0]);
        rows.insert(0, page(7, 2, 2), 0);
        assert_eq!((rows.extent(), id_at(&rows, 120)), (2, None));
    }

    #[test]
    fn the_oldest_blocks_are_dropped() {
        let mut rows = Rows::default();
        for number in 0..100 {
            rows.insert(number, page(number * BLOCK + 1, BLOCK, 10_000), 0);
        }
        assert_eq!(rows.blocks.len(), MAX_BLOCKS);
        assert_eq!(rows.missing(&(0..1)), [0]);
        assert!(rows.missing(&(9_900..10_000)).is_empty());
    }

    #[test]
    fn an_uncounted_table_grows_as_it_is_scrolled() {
        let mut rows = Rows::default();
        let uncounted = |first| ListUsersResponse {
            total_is_lower_bound: true,
            ..page(first, BLOCK, 10_000)
        };
        rows.insert(0, uncounted(1), 0);
        assert_eq!((rows.extent(), rows.exact_total()), (10_000, None));
        rows.insert(100, uncounted(10_001), 0);
        assert_eq!(rows.extent(), 10_101);
    }

    #[test]
    fn a_block_fetched_before_a_change_is_older() {
        let mut rows = Rows::default();
        assert!(!rows.are_older_than(7), "no block is known yet");
        let sequence = 6;
        rows.insert(
            0,
            ListUsersResponse {
                sequence,
                ..page(1, 10, 10)
            },
            0,
        );
        assert!(rows.are_older_than(7) && !rows.are_older_than(6));
    }

    #[test]
    fn an_empty_table_has_nothing_to_fetch() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, 0, 0), 0);
        assert_eq!(
            (rows.total(), rows.extent(), rows.missing(&(0..30))),
            (Some(0), 0, vec![])
        );
    }
}
