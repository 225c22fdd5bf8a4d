//! The state of the selection: plain, tested on the host.

use std::collections::BTreeMap;
use std::ops::Range;

use soundstage_proto::user::User;

use crate::users::rows::Rows;

/// The selected users, as they were when they were selected.
#[derive(Debug, Clone, Default)]
pub(super) struct SelectionState {
    users: BTreeMap<u32, User>,
    anchor: Option<Anchor>,
    /// Whether a change of the selected users is in progress.
    pub(super) is_busy: bool,
    /// The reason why the last change did not reach all selected users.
    pub(super) failure: Option<String>,
}

/// The row toggled last, where a range begins.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// The query of the row. Rows of another query have other numbers.
    query: u32,
    id: u32,
    /// The number of the row when the row was toggled.
    number: u32,
}

impl SelectionState {
    pub(super) fn contains(&self, id: u32) -> bool {
        self.users.contains_key(&id)
    }

    pub(super) fn count(&self) -> u32 {
        self.users.len() as u32
    }

    /// Returns the selected users, by id.
    pub(super) fn users(&self) -> Vec<User> {
        self.users.values().cloned().collect()
    }

    pub(super) fn remove(&mut self, id: u32) {
        self.users.remove(&id);
    }

    pub(super) fn clear(&mut self) {
        self.users.clear();
        self.failure = None;
    }

    /// Selects the user of a row, or deselects a selected user. With `to_anchor`, does the same to all rows between this
    /// row and the row toggled before, if that was a row of the same query. If rows of the range are unknown, changes
    /// nothing and returns the range, and whether to select its users.
    pub(super) fn toggle(
        &mut self,
        rows: &Rows,
        query: u32,
        number: u32,
        to_anchor: bool,
    ) -> Option<(Range<u32>, bool)> {
        let id = rows.row(number)?.user.id;
        let anchor = self
            .anchor
            .filter(|anchor| to_anchor && anchor.query == query);
        // The row may have moved.
        let first = anchor.map_or(number, |anchor| {
            rows.number_of(anchor.id).unwrap_or(anchor.number)
        });
        self.anchor = Some(Anchor { query, id, number });
        let is_selected = !self.contains(id);
        let range = first.min(number)..first.max(number) + 1;
        let users: Option<Vec<_>> = range
            .clone()
            .map(|number| Some(rows.row(number)?.user))
            .collect();
        let Some(users) = users else {
            return Some((range, is_selected));
        };
        self.set(users, is_selected);
        None
    }

    /// Selects or deselects users.
    pub(super) fn set(&mut self, users: Vec<User>, is_selected: bool) {
        self.failure = None;
        for user in users {
            if is_selected {
                self.users.insert(user.id, user);
            } else {
                self.users.remove(&user.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use soundstage_proto::user::ListUsersResponse;

    use super::*;

    fn ten_rows() -> Rows {
        let users = (1..=10).map(|id| User {
            id,
            ..User::default()
        });
        let mut rows = Rows::default();
        rows.insert(
            0,
            ListUsersResponse {
                users: users.collect(),
                total_size: 10,
                ..ListUsersResponse::default()
            },
            0,
        );
        rows
    }

    fn ids(selection: &SelectionState) -> Vec<u32> {
        selection.users().iter().map(|user| user.id).collect()
    }

    #[test]
    fn toggle_selects_and_deselects_a_user() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 1, 3, false);
        selection.toggle(&rows, 1, 5, false);
        assert_eq!(ids(&selection), [4, 6]);
        selection.toggle(&rows, 1, 3, false);
        assert_eq!(ids(&selection), [6]);
        selection.toggle(&rows, 1, 20, false);
        assert_eq!(ids(&selection), [6], "no such row");
    }

    #[test]
    fn a_range_reaches_from_the_row_toggled_last() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 1, 6, false);
        selection.toggle(&rows, 1, 4, true);
        assert_eq!(ids(&selection), [5, 6, 7]);
        selection.toggle(&rows, 1, 5, true);
        assert_eq!(ids(&selection), [7], "the range from row 4 to row 5");
    }

    #[test]
    fn a_range_begins_in_the_same_query_and_at_the_same_user() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 1, 6, false);
        selection.toggle(&rows, 2, 4, true);
        assert_eq!(ids(&selection), [5, 7], "another query");
        let mut moved = Rows::default();
        let users = [7, 1, 2].map(|id| User {
            id,
            ..User::default()
        });
        let page = ListUsersResponse {
            users: users.into(),
            total_size: 300,
            ..ListUsersResponse::default()
        };
        moved.insert(0, page, 0);
        selection.toggle(&rows, 3, 6, false);
        selection.toggle(&rows, 3, 6, false);
        selection.toggle(&moved, 3, 1, true);
        assert_eq!(ids(&selection), [1, 5, 7], "user 7 has moved to row 0");
    }

    #[test]
    fn unknown_rows_of_a_range_are_returned() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        let mut long = rows.clone();
        long.insert(3, rows_after(301), 0);
        selection.toggle(&long, 1, 2, false);
        assert_eq!(selection.toggle(&long, 1, 300, true), Some((2..301, true)));
        assert_eq!(ids(&selection), [3]);
    }

    fn rows_after(id: u32) -> ListUsersResponse {
        ListUsersResponse {
            users: vec![User {
                id,
                ..User::default()
            }],
            total_size: 301,
            ..ListUsersResponse::default()
        }
    }

    #[test]
    fn a_removed_user_is_no_longer_selected() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 1, 0, false);
        selection.toggle(&rows, 1, 2, true);
        selection.remove(2);
        assert!(!selection.contains(2) && selection.contains(3));
        assert_eq!(selection.count(), 2);
        selection.clear();
        assert_eq!(selection.count(), 0);
    }
}
