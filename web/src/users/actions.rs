//! What can be done to one user, wherever it is shown: in its pane, from its row's menu, by keys.

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::deletion::Deletion;
use super::{ChangeSignals, Links};
use crate::browser;
use crate::language::t;

/// What can be done to a user.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    /// The user that is in the dialog.
    pub(super) editing: RwSignal<Option<User>>,
    pub(super) deletion: Deletion,
    addresses: Links,
}

impl Actions {
    pub(super) fn new(addresses: Links, revised: ChangeSignals) -> Self {
        Self {
            editing: RwSignal::new(None),
            deletion: Deletion::new(revised),
            addresses,
        }
    }

    /// Opens the dialog. Its form stays as it is when the user behind it changes.
    pub(super) fn edit(self, user: User) {
        self.editing.set(Some(user));
    }

    /// Deletes the user, and does something once it has gone.
    pub(super) fn delete(self, user: User, then: impl Fn() + 'static) {
        browser::spawn_abortable(async move {
            self.deletion.delete(vec![user], |_| then()).await;
        });
    }

    /// Puts the address of the user's own view on the clipboard.
    pub(super) fn copy_link(self, id: u32) {
        let link = browser::origin() + &untrack(|| self.addresses.user(id));
        browser::spawn_abortable(async move {
            self.deletion.tell(if browser::copy(&link).await {
                t("The link is copied.")
            } else {
                t("The browser does not allow it; open the user and copy the address.")
            });
        });
    }
}
