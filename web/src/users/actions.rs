//! What the reader can do to a user, in its pane, its row's menu, or by keys.

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::deletion::Deletions;
use super::links::Links;
use crate::browser;
use crate::language::t;

/// The actions on a user.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    /// The user in the edit dialog.
    pub(super) editing: RwSignal<Option<User>>,
    deletions: Deletions,
    links: Links,
}

impl Actions {
    pub(super) fn new(links: Links) -> Self {
        Self {
            editing: RwSignal::new(None),
            deletions: expect_context(),
            links,
        }
    }

    /// Opens the edit dialog. Later changes of the user do not change the form.
    pub(super) fn edit(self, user: User) {
        self.editing.set(Some(user));
    }

    pub(super) fn delete(self, user: User) {
        self.deletions.delete(vec![user]);
    }

    /// Copies the link to a user to the clipboard.
    pub(super) fn copy_link(self, id: u32) {
        let link = browser::origin() + &untrack(|| self.links.user(id));
        let deletions = self.deletions;
        browser::spawn_abortable(async move {
            deletions.show(if browser::copy(&link).await {
                t("Link copied.")
            } else {
                t("The browser blocked copying. Open the user and copy the page's address.")
            });
        });
    }
}
