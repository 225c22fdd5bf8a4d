//! The known rows of a table that may have a million: blocks of rows, fetched on demand.

use std::ops::Range;

use soundstage_proto::user::{ListUsersResponse, User};

/// Rows fetched at once.
pub(super) const BLOCK: u32 = 100;

/// The maximum number of blocks kept; the ones fetched last stay.
const MAX_BLOCKS: usize = 24;

/// The known rows of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// The total number of rows, once it is known.
    total: Option<u32>,
    /// Whether there are more rows than `total`: the server counts only so far.
    is_lower_bound: bool,
    /// The latest fetched last.
    blocks: Vec<Block>,
    /// Users deleted since their blocks were fetched.
    deleted: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Block {
    number: u32,
    users: Vec<User>,
    /// The sequence number of the latest change that the block includes.
    sequence: i64,
    /// Whether the block is to be fetched again; its rows are shown until then.
    is_stale: bool,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) user: User,
    pub(super) is_deleted: bool,
}

impl Rows {
    pub(super) fn total(&self) -> Option<u32> {
        self.total
    }

    pub(super) fn is_lower_bound(&self) -> bool {
        self.is_lower_bound
    }

    /// The total number of rows, if it is exact, so that rows can be counted from the end.
    pub(super) fn exact_total(&self) -> Option<u32> {
        self.total.filter(|_| !self.is_lower_bound)
    }

    /// The number of rows to scroll through.
    pub(super) fn extent(&self) -> u32 {
        let known = |block: &Block| {
            let end = block.number * BLOCK + block.users.len() as u32;
            // A full block may have rows after it.
            end + u32::from(self.is_lower_bound && block.users.len() as u32 == BLOCK)
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
        let user = block.users.get((number % BLOCK) as usize)?;
        Some(Row {
            is_deleted: self.deleted.contains(&user.id),
            user: user.clone(),
        })
    }

    /// Returns the blocks to fetch for a range of rows.
    pub(super) fn missing(&self, rows: &Range<u32>) -> Vec<u32> {
        let last = rows.end.min(self.extent().max(1)).saturating_sub(1);
        let is_known = |number: &u32| {
            let mut blocks = self.blocks.iter();
            blocks.any(|block| block.number == *number && !block.is_stale)
        };
        let wanted = rows.start.min(last) / BLOCK..=last / BLOCK;
        wanted.filter(|number| !is_known(number)).collect()
    }

    /// Adds a block, or replaces it. Drops the oldest block beyond [`MAX_BLOCKS`].
    pub(super) fn insert(&mut self, number: u32, page: ListUsersResponse) {
        self.total = Some(page.total_size);
        self.is_lower_bound = page.total_is_lower_bound;
        self.deleted
            .retain(|id| page.users.iter().all(|user| user.id != *id));
        self.blocks.retain(|block| block.number != number);
        self.blocks.push(Block {
            number,
            users: page.users,
            sequence: page.sequence,
            is_stale: false,
        });
        let surplus = self.blocks.len().saturating_sub(MAX_BLOCKS);
        self.blocks.drain(..surplus);
    }

    /// Adopts a new total, and marks all blocks as stale.
    pub(super) fn recount(&mut self, page: &ListUsersResponse) {
        self.total = Some(page.total_size);
        self.go_stale();
    }

    /// Marks all blocks as stale: each is fetched again when its rows are in view.
    pub(super) fn go_stale(&mut self) {
        for block in &mut self.blocks {
            block.is_stale = true;
        }
    }

    /// Whether any block may lack a change.
    pub(super) fn are_older_than(&self, sequence: i64) -> bool {
        self.blocks.iter().any(|block| block.sequence < sequence)
    }

    /// Updates the row of a changed user. The row keeps its position until the block is fetched again.
    pub(super) fn change(&mut self, user: &User) {
        let users = self.blocks.iter_mut().flat_map(|block| &mut block.users);
        for known in users.filter(|known| known.id == user.id && known.revision < user.revision) {
            *known = user.clone();
        }
    }

    /// Marks the row of a user as deleted. The row keeps its position until the block is fetched again.
    pub(super) fn delete(&mut self, id: u32) {
        self.deleted.push(id);
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

    fn id_at(rows: &Rows, number: u32) -> Option<u32> {
        rows.row(number).map(|row| row.user.id)
    }

    #[test]
    fn a_block_is_fetched_once_for_the_rows_in_view() {
        let mut rows = Rows::default();
        assert_eq!(rows.missing(&(0..30)), [0]);
        rows.insert(0, page(1, BLOCK, 250));
        assert_eq!(rows.extent(), 250);
        assert!(rows.missing(&(0..30)).is_empty());
        assert_eq!(rows.missing(&(90..310)), [1, 2]);
        rows.insert(2, page(201, 50, 250));
        assert_eq!(rows.missing(&(90..310)), [1]);
        assert_eq!(
            (id_at(&rows, 0), id_at(&rows, 249), id_at(&rows, 150)),
            (Some(1), Some(250), None)
        );
    }

    #[test]
    fn stale_rows_are_shown_and_fetched_again() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, 10, 10));
        rows.change(&User {
            id: 3,
            nickname: "new".into(),
            revision: 2,
            ..User::default()
        });
        rows.change(&User {
            id: 3,
            nickname: "old".into(),
            revision: 1,
            ..User::default()
        });
        rows.delete(4);
        assert_eq!(rows.row(2).expect("a row").user.nickname, "new");
        assert!(rows.row(3).expect("a row").is_deleted);
        rows.go_stale();
        assert_eq!(rows.missing(&(0..10)), [0]);
        assert_eq!(id_at(&rows, 3), Some(4));
        rows.insert(0, page(4, 5, 5));
        assert!(
            !rows.row(0).expect("a row").is_deleted,
            "the user was added again"
        );
    }

    #[test]
    fn the_oldest_blocks_are_dropped() {
        let mut rows = Rows::default();
        for number in 0..100 {
            rows.insert(number, page(number * BLOCK + 1, BLOCK, 10_000));
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
        rows.insert(0, uncounted(1));
        assert_eq!((rows.extent(), rows.exact_total()), (10_000, None));
        rows.insert(100, uncounted(10_001));
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
        );
        assert!(rows.are_older_than(7) && !rows.are_older_than(6));
    }

    #[test]
    fn an_empty_table_has_nothing_to_fetch() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, 0, 0));
        assert_eq!(
            (rows.total(), rows.extent(), rows.missing(&(0..30))),
            (Some(0), 0, vec![])
        );
    }
}
