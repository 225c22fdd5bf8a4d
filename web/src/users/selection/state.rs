//! The state of the selection: plain, tested on the host.

use std::collections::BTreeMap;

use soundstage_proto::user::User;

use crate::users::rows::Rows;

/// The selected users, as they were when they were selected.
#[derive(Debug, Clone, Default)]
pub(super) struct SelectionState {
    users: BTreeMap<u32, User>,
    /// The row toggled last, where a range begins.
    anchor: u32,
    /// Whether a change of the selected users is in progress.
    pub(super) is_busy: bool,
    /// Why the last change did not reach all selected users.
    pub(super) failure: Option<String>,
}

impl SelectionState {
    pub(super) fn contains(&self, id: u32) -> bool {
        self.users.contains_key(&id)
    }

    pub(super) fn count(&self) -> u32 {
        self.users.len() as u32
    }

    /// The selected users, by id.
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

    /// Selects the user of a row, or deselects a selected user. With `to_anchor`, does the same to all known rows between
    /// this row and the row toggled before.
    pub(super) fn toggle(&mut self, rows: &Rows, number: u32, to_anchor: bool) {
        let first = if to_anchor { self.anchor } else { number };
        self.anchor = number;
        let Some(toggled) = rows.row(number) else {
            return;
        };
        let is_selected = self.contains(toggled.user.id);
        let range = first.min(number)..=first.max(number);
        for row in range.filter_map(|number| rows.row(number)) {
            if is_selected {
                self.users.remove(&row.user.id);
            } else {
                self.users.insert(row.user.id, row.user);
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
        );
        rows
    }

    fn ids(selection: &SelectionState) -> Vec<u32> {
        selection.users().iter().map(|user| user.id).collect()
    }

    #[test]
    fn toggle_selects_and_deselects_a_user() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 3, false);
        selection.toggle(&rows, 5, false);
        assert_eq!(ids(&selection), [4, 6]);
        selection.toggle(&rows, 3, false);
        assert_eq!(ids(&selection), [6]);
        selection.toggle(&rows, 20, false);
        assert_eq!(ids(&selection), [6], "no such row");
    }

    #[test]
    fn a_range_reaches_from_the_row_toggled_last() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 6, false);
        selection.toggle(&rows, 4, true);
        assert_eq!(ids(&selection), [5, 6, 7]);
        selection.toggle(&rows, 5, true);
        assert_eq!(ids(&selection), [7], "the range from row 4 to row 5");
    }

    #[test]
    fn a_removed_user_is_no_longer_selected() {
        let (mut selection, rows) = (SelectionState::default(), ten_rows());
        selection.toggle(&rows, 0, false);
        selection.toggle(&rows, 2, true);
        selection.remove(2);
        assert!(!selection.contains(2) && selection.contains(3));
        assert_eq!(selection.count(), 2);
        selection.clear();
        assert_eq!(selection.count(), 0);
    }
}
