//! The deletions of the application, which continue when the reader leaves the page of users.

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::state::DeletionState;
use crate::api::{Added, Backoff, CallError};
use crate::language::{fill, key};
use crate::ui::plural;
use crate::users::changes::ChangeSignals;
use crate::users::selection::Selection;
use crate::{api, browser};

/// The maximum number of tries to reach the server: about two minutes.
const TRIES: u32 = 60;

/// The service that deletes users in the background, and restores them on request.
#[derive(Clone, Copy)]
pub(in crate::users) struct Deletions {
    pub(super) state: RwSignal<DeletionState>,
    /// The ids of the users that the latest deletion deleted, or found deleted.
    gone: RwSignal<Vec<u32>>,
    selection: Selection,
    changes: ChangeSignals,
}

impl Deletions {
    /// Creates the service; called once, by the application.
    pub(in crate::users) fn new(selection: Selection, changes: ChangeSignals) -> Self {
        Self {
            state: RwSignal::default(),
            gone: RwSignal::default(),
            selection,
            changes,
        }
    }

    /// Deletes users at the revisions that the reader saw.
    pub(in crate::users) fn delete(self, users: Vec<User>) {
        let users = self.state.try_update(|state| state.begin(users));
        let users = users.unwrap_or_default();
        if !users.is_empty() {
            browser::spawn_abortable(self.delete_all(users));
        }
    }

    /// Calls `then` once a later deletion has removed the user; ends with the calling component.
    pub(in crate::users) fn on_gone(self, id: u32, then: impl Fn() + 'static) {
        Effect::new(move |earlier: Option<()>| {
            let is_gone = self.gone.with(|gone| gone.contains(&id));
            if is_gone && earlier.is_some() {
                then();
            }
        });
    }

    /// Restores the users that were deleted last.
    pub(super) fn undo(self) {
        let users = self.state.try_update(DeletionState::take_latest);
        if let Some(users) = users.flatten() {
            browser::spawn_abortable(async move {
                let (message, left) = restore(users).await;
                self.state.update(|state| {
                    state.put_back(left);
                    state.show(message);
                });
                self.changes.notify();
            });
        }
    }

    /// Shows a message where deletions are reported.
    pub(in crate::users) fn show(self, message: &str) {
        self.state.update(|state| state.show(message.to_owned()));
    }

    async fn delete_all(self, users: Vec<User>) {
        let begun: Vec<_> = users.iter().map(|user| user.id).collect();
        let (mut deleted, mut gone) = (Vec::new(), Vec::new());
        let mut stale = 0;
        let mut failure = None;
        for user in users {
            match self.delete_one(&user).await {
                Ok(is_ours) => {
                    self.selection.remove(user.id);
                    gone.push(user.id);
                    deleted.extend(is_ours.then_some(user));
                }
                Err(CallError::Stale) => stale += 1,
                Err(error) => {
                    failure = Some(error.sentence());
                    break;
                }
            }
        }
        let stale = (stale > 0).then(|| {
            plural(
                stale,
                key(
                    "{0} user was not deleted, because someone else has changed it. Check it, then delete it again.",
                ),
                key(
                    "{0} users were not deleted, because someone else has changed them. Check them, then delete them again.",
                ),
            )
        });
        let problems: Vec<_> = failure.into_iter().chain(stale).collect();
        let problem = (!problems.is_empty()).then(|| problems.join(" "));
        self.state
            .update(|state| state.end(&begun, deleted, problem));
        self.gone.set(gone);
        self.changes.notify();
    }

    /// Deletes a user. Returns true if this page deleted the user, false if someone else did. Retries a request without
    /// a response: the server may have carried it out.
    async fn delete_one(self, user: &User) -> Result<bool, CallError> {
        let mut backoff = Backoff::default();
        for tried in 0..TRIES {
            let result = api::delete_user(user.id, user.revision).await;
            let is_unreachable = matches!(result, Err(CallError::Unreachable));
            if is_unreachable || tried > 0 {
                self.state
                    .update(|state| state.set_waiting(user.id, is_unreachable));
            }
            match result {
                Ok(_) => return Ok(true),
                // By an earlier try, or by someone else.
                Err(CallError::NotFound) => return Ok(tried > 0),
                Err(CallError::Unreachable) => {
                    browser::sleep(backoff.next_delay()).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(CallError::Unreachable)
    }
}

/// Restores users. Returns a message, and the users that are still deleted because a call failed.
async fn restore(users: Vec<User>) -> (String, Vec<User>) {
    let restored = match users.as_slice() {
        [user] => fill("Restored {0}.", &[&user.nickname]),
        users => plural(
            users.len() as u32,
            key("Restored {0} user."),
            key("Restored {0} users."),
        ),
    };
    let mut users = users.into_iter();
    let mut taken = Vec::new();
    while let Some(user) = users.next() {
        match add_again(&user).await {
            Ok(true) => {}
            Ok(false) => taken.push(user.id.to_string()),
            Err(error) => {
                let left: Vec<_> = std::iter::once(user).chain(users).collect();
                let advice = plural(
                    left.len() as u32,
                    key("{0} user is still deleted. Undo again to restore it."),
                    key("{0} users are still deleted. Undo again to restore them."),
                );
                return (format!("{} {advice}", error.sentence()), left);
            }
        }
    }
    let message = if taken.is_empty() {
        restored
    } else {
        fill(
            "Not restored, because other users have the IDs now: {0}.",
            &[&taken.join(", ")],
        )
    };
    (message, Vec::new())
}

/// Adds a user again. Returns true if the user exists now, possibly from an earlier attempt whose response was lost.
async fn add_again(user: &User) -> Result<bool, CallError> {
    match api::add_user(user.clone()).await? {
        Added::Stored(_) => Ok(true),
        Added::AlreadyExists => {
            let now = api::get_user(user.id).await?;
            Ok(now.is_some_and(|now| api::is_same(&now, user)))
        }
    }
}
