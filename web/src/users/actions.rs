//! The actions on a user, from the user's pane, the menu of the row, or the keyboard.

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::deletion::Deletions;
use super::links::Links;
use crate::browser;
use crate::language::t;

/// The maximum time between the clicks of a double click, in milliseconds: generous, for slow hands.
const DOUBLE_CLICK: f64 = 1000.0;

/// The actions on a user.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    /// The user in the edit dialog.
    pub(super) editing: RwSignal<Option<User>>,
    /// The time at which the reader last added a user, as [`browser::now`] counts.
    added: StoredValue<f64>,
    deletions: Deletions,
    links: Links,
}

impl Actions {
    pub(super) fn new(links: Links) -> Self {
        Self {
            editing: RwSignal::new(None),
            added: StoredValue::new(f64::NEG_INFINITY),
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

    /// Records that the reader has added a user now.
    pub(super) fn note_added(self) {
        self.added.set_value(browser::now());
    }

    /// Deletes a user at a click, unless the reader has just added a user: this may be the second click of a double
    /// click on *Add user*, which was at the same place.
    pub(super) fn delete_clicked(self, user: User) {
        if browser::now() - self.added.get_value() > DOUBLE_CLICK {
            self.delete(user);
        }
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
