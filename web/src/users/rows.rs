//! The rows that are known of a table that may have a million: blocks of them, fetched as they are needed.

use std::ops::Range;

use soundstage_proto::user::{ListUsersResponse, User};

/// Rows that are fetched together.
pub(super) const BLOCK: u32 = 100;

/// Blocks that are kept; those used last.
const KEPT: usize = 24;

/// What is known of a view.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// How many there are in all, once that is known.
    total: Option<u32>,
    /// There are more, which were not counted.
    is_lower_bound: bool,
    /// Those used last at the end.
    blocks: Vec<Block>,
    /// Users that have been deleted since their block was fetched.
    deleted: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Block {
    number: u32,
    users: Vec<User>,
    /// The newest change that it knows.
    sequence: i64,
    /// Shown until it has been fetched again.
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

    /// The exact number of rows, if that is known: what can be counted back from.
    pub(super) fn exact_total(&self) -> Option<u32> {
        self.total.filter(|_| !self.is_lower_bound)
    }

    /// How many rows there are to scroll through.
    pub(super) fn extent(&self) -> u32 {
        let known = |block: &Block| {
            let end = block.number * BLOCK + block.users.len() as u32;
            // Behind a full block there may be more.
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

    /// The blocks to fetch for some rows.
    pub(super) fn missing(&self, rows: &Range<u32>) -> Vec<u32> {
        let last = rows.end.min(self.extent().max(1)).saturating_sub(1);
        let is_there = |number: &u32| {
            let mut blocks = self.blocks.iter();
            blocks.any(|block| block.number == *number && !block.is_stale)
        };
        let wanted = rows.start.min(last) / BLOCK..=last / BLOCK;
        wanted.filter(|number| !is_there(number)).collect()
    }

    /// Takes a block in.
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
        let surplus = self.blocks.len().saturating_sub(KEPT);
        self.blocks.drain(..surplus);
    }

    /// There are another number of rows than was thought: all are to be fetched again.
    pub(super) fn recount(&mut self, page: &ListUsersResponse) {
        self.total = Some(page.total_size);
        self.go_stale();
    }

    /// Everything is to be fetched again as soon as it is looked at; shown as it is until then.
    pub(super) fn go_stale(&mut self) {
        for block in &mut self.blocks {
            block.is_stale = true;
        }
    }

    /// Whether anything that is known may be older than a change.
    pub(super) fn are_older_than(&self, sequence: i64) -> bool {
        self.blocks.iter().any(|block| block.sequence < sequence)
    }

    /// A user has other values: its row has them at once, where it stands.
    pub(super) fn change(&mut self, user: &User) {
        let users = self.blocks.iter_mut().flat_map(|block| &mut block.users);
        for known in users.filter(|known| known.id == user.id && known.revision < user.revision) {
            *known = user.clone();
        }
    }

    /// A user has gone: its row says so, where it stands.
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
    fn blocks_are_fetched_once_for_the_rows_in_view() {
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
    fn what_is_stale_is_shown_and_fetched_again() {
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
            "it was added again"
        );
    }

    #[test]
    fn only_so_many_blocks_are_kept() {
        let mut rows = Rows::default();
        for number in 0..100 {
            rows.insert(number, page(number * BLOCK + 1, BLOCK, 10_000));
        }
        assert_eq!(rows.blocks.len(), KEPT);
        assert_eq!(rows.missing(&(0..1)), [0]);
        assert!(rows.missing(&(9_900..10_000)).is_empty());
    }

    #[test]
    fn what_was_not_counted_grows_as_it_is_seen() {
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
    fn what_was_fetched_before_a_change_is_older() {
        let mut rows = Rows::default();
        assert!(!rows.are_older_than(7), "nothing is known yet");
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
    fn nobody_is_no_row() {
        let mut rows = Rows::default();
        rows.insert(0, page(1, 0, 0));
        assert_eq!(
            (rows.total(), rows.extent(), rows.missing(&(0..30))),
            (Some(0), 0, vec![])
        );
    }
}
