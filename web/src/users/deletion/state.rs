//! The deletions in progress, and the deletions that the reader can undo: plain state, tested on the host.

use soundstage_proto::user::User;

/// The deletions, and the message of the notice.
#[derive(Debug, Clone, Default)]
pub(super) struct DeletionState {
    /// Ids of users being deleted, each with whether the deletion waits for an unreachable server.
    in_progress: Vec<(u32, bool)>,
    /// Deleted users that can be restored: a batch for each deletion, the latest last.
    undo: Vec<Vec<User>>,
    /// Whether the latest batch was deleted after the latest message.
    is_fresh: bool,
    message: Option<String>,
}

impl DeletionState {
    /// Begins to delete users. Returns the users that are not being deleted already.
    pub(super) fn begin(&mut self, mut users: Vec<User>) -> Vec<User> {
        users.retain(|user| self.in_progress.iter().all(|(id, _)| *id != user.id));
        self.in_progress
            .extend(users.iter().map(|user| (user.id, false)));
        users
    }

    /// Records whether the deletion of a user waits for an unreachable server.
    pub(super) fn set_waiting(&mut self, id: u32, is_waiting: bool) {
        for (other, waits) in &mut self.in_progress {
            if *other == id {
                *waits = is_waiting;
            }
        }
    }

    /// Ends the deletions that [`DeletionState::begin`] began. `problem` says why some users were not deleted.
    pub(super) fn end(&mut self, begun: &[u32], deleted: Vec<User>, problem: Option<String>) {
        self.in_progress.retain(|(id, _)| !begun.contains(id));
        self.message = problem;
        if !deleted.is_empty() {
            self.undo.push(deleted);
            self.is_fresh = true;
        }
    }

    /// Removes and returns the latest batch, to be restored.
    pub(super) fn take_latest(&mut self) -> Option<Vec<User>> {
        self.message = None;
        self.is_fresh = false;
        self.undo.pop()
    }

    /// Puts back the users of a batch that could not be restored yet.
    pub(super) fn put_back(&mut self, users: Vec<User>) {
        if !users.is_empty() {
            self.undo.push(users);
        }
    }

    /// Shows a message, beside the batch that can be undone.
    pub(super) fn show(&mut self, message: String) {
        self.message = Some(message);
        self.is_fresh = false;
    }

    /// Drops the message and everything that could be undone. Deletions in progress continue.
    pub(super) fn expire(&mut self) {
        self.message = None;
        self.undo.clear();
    }

    /// Returns whether the notice shows something, and no deletion in progress will change the notice.
    pub(super) fn can_expire(&self) -> bool {
        self.in_progress.is_empty() && (self.message.is_some() || !self.undo.is_empty())
    }

    pub(super) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the batch that undo restores, and whether its deletion is newer than the message.
    pub(super) fn latest(&self) -> Option<(&[User], bool)> {
        let users = self.undo.last()?;
        Some((users, self.is_fresh))
    }

    /// Returns whether a deletion waits for an unreachable server.
    pub(super) fn is_waiting(&self) -> bool {
        self.in_progress.iter().any(|(_, is_waiting)| *is_waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(ids: &[u32]) -> Vec<User> {
        let user = |id: &u32| User {
            id: *id,
            ..User::default()
        };
        ids.iter().map(user).collect()
    }

    fn latest(state: &DeletionState) -> Option<(Vec<u32>, bool)> {
        let (users, is_fresh) = state.latest()?;
        Some((users.iter().map(|user| user.id).collect(), is_fresh))
    }

    #[test]
    fn deletions_are_undone_in_reverse_order() {
        let mut state = DeletionState::default();
        state.end(&[1], users(&[1]), None);
        state.end(&[2, 3], users(&[2, 3]), None);
        assert_eq!(latest(&state), Some((vec![2, 3], true)));
        assert_eq!(state.take_latest(), Some(users(&[2, 3])));
        assert_eq!(latest(&state), Some((vec![1], false)));
        assert_eq!(state.take_latest(), Some(users(&[1])));
        assert_eq!(state.take_latest(), None);
    }

    #[test]
    fn a_deletion_of_no_user_keeps_the_earlier_deletions_to_undo() {
        let mut state = DeletionState::default();
        state.end(&[1], users(&[1]), None);
        state.end(&[2], Vec::new(), Some("Changed.".into()));
        assert_eq!(state.message(), Some("Changed."));
        assert_eq!(state.take_latest(), Some(users(&[1])));
    }

    #[test]
    fn a_restoration_that_fails_can_be_tried_again() {
        let mut state = DeletionState::default();
        state.end(&[1, 2], users(&[1, 2]), None);
        let mut batch = state.take_latest().expect("a batch");
        state.put_back(batch.split_off(1));
        assert_eq!(latest(&state), Some((vec![2], false)));
        state.take_latest();
        state.put_back(Vec::new());
        assert_eq!(latest(&state), None);
    }

    #[test]
    fn a_user_is_deleted_by_one_deletion_at_a_time() {
        let mut state = DeletionState::default();
        assert_eq!(state.begin(users(&[1, 2])), users(&[1, 2]));
        assert_eq!(state.begin(users(&[2, 3])), users(&[3]));
        state.end(&[1, 2], Vec::new(), None);
        assert_eq!(state.begin(users(&[2, 3])), users(&[2]));
    }

    #[test]
    fn nothing_expires_while_a_deletion_is_in_progress() {
        let mut state = DeletionState::default();
        state.end(&[1], users(&[1]), None);
        state.begin(users(&[2]));
        state.set_waiting(2, true);
        assert!(state.is_waiting() && !state.can_expire());
        state.set_waiting(2, false);
        assert!(!state.is_waiting() && !state.can_expire());
        state.end(&[2], users(&[2]), None);
        assert!(state.can_expire());
        state.expire();
        assert!(!state.can_expire() && state.latest().is_none());
    }
}
