//! The selection of the application, and changes of all selected users.

use leptos::prelude::*;
use soundstage_proto::UserType;
use soundstage_proto::user::User;

use super::state::SelectionState;
use crate::api::{CallError, Updated};
use crate::language::{fill, key, t};
use crate::ui::plural;
use crate::users::changes::ChangeSignals;
use crate::users::data::Table;
use crate::{api, browser};

/// The largest number of rows that a range may add: ten requests.
const MAX_RANGE: u32 = 10_000;

/// The selection, which stays when the reader leaves the page of users.
#[derive(Clone, Copy)]
pub(in crate::users) struct Selection {
    state: RwSignal<SelectionState>,
    changes: ChangeSignals,
}

impl Selection {
    /// Creates the selection; called once, by the application.
    pub(in crate::users) fn new(changes: ChangeSignals) -> Self {
        Self {
            state: RwSignal::default(),
            changes,
        }
    }

    /// Returns whether a user is selected; tracks the selection.
    pub(in crate::users) fn contains(self, id: u32) -> bool {
        self.state.with(|state| state.contains(id))
    }

    /// Returns the number of selected users; tracks the selection.
    pub(in crate::users) fn count(self) -> u32 {
        self.state.with(SelectionState::count)
    }

    /// Returns why the last change did not reach all selected users; tracks the selection.
    pub(in crate::users) fn failure(self) -> Option<String> {
        self.state.with(|state| state.failure.clone())
    }

    /// Returns the selected users, by id.
    pub(in crate::users) fn users(self) -> Vec<User> {
        self.state.with_untracked(SelectionState::users)
    }

    pub(in crate::users) fn remove(self, id: u32) {
        self.state.update(|state| state.remove(id));
    }

    pub(in crate::users) fn clear(self) {
        self.state.update(SelectionState::clear);
    }

    /// Toggles the user of a row. With `to_anchor`, toggles all rows from the row toggled before, and fetches unknown
    /// rows.
    pub(in crate::users) fn toggle(self, table: Table, number: u32, to_anchor: bool) {
        let query = table.shown.get_untracked();
        let unknown = table.rows.with_untracked(|rows| {
            self.state
                .try_update(|state| state.toggle(rows, query, number, to_anchor))
        });
        let Some((range, is_selected)) = unknown.flatten() else {
            return;
        };
        if range.len() as u32 > MAX_RANGE {
            let failure = t("Select at most 10,000 rows at a time.").to_owned();
            return self.state.update(|state| state.failure = Some(failure));
        }
        browser::spawn_abortable(async move {
            let users = table.users(range).await;
            self.state.update(|state| match users {
                Ok(users) => state.set(users, is_selected),
                Err(error) => {
                    state.failure = Some(fill(
                        "{0} The rows are not selected. Try again.",
                        &[&error.sentence()],
                    ));
                }
            });
        });
    }

    /// Changes the type of the selected users in the background. Users that have the type are no longer selected.
    pub(in crate::users) fn change_type(self, user_type: UserType) {
        if self.state.with_untracked(|state| state.is_busy) {
            return;
        }
        self.state.update(|state| {
            state.is_busy = true;
            state.failure = None;
        });
        browser::spawn_abortable(async move {
            let failure = self.change_each(user_type).await.err();
            self.state.update(|state| {
                state.is_busy = false;
                state.failure = failure;
            });
            self.changes.notify();
        });
    }

    /// Changes the users in turn. Returns a sentence about users that keep their type as the error.
    async fn change_each(self, user_type: UserType) -> Result<(), String> {
        let mut stale = 0;
        for user in self.users() {
            let id = user.id;
            let changed = User {
                user_type: user_type.into(),
                ..user
            };
            match api::update_user(changed).await {
                Ok(Updated::Stored) | Err(CallError::NotFound) => self.remove(id),
                Ok(Updated::Stale(_)) => stale += 1,
                Err(error) => {
                    return Err(fill(
                        "{0} The users that are still selected keep their type. Try again.",
                        &[&error.sentence()],
                    ));
                }
            }
        }
        if stale == 0 {
            return Ok(());
        }
        Err(plural(
            stale,
            key(
                "{0} user keeps its type, because someone else has changed it. Select it again to try once more.",
            ),
            key(
                "{0} users keep their type, because someone else has changed them. Select them again to try once more.",
            ),
        ))
    }
}
