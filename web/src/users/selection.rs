//! Users that are selected, and what can be done to all of them.

use std::collections::BTreeMap;

use leptos::prelude::*;
use soundstage_proto::user::User;
use soundstage_proto::{UserType, user_types};

use super::ChangeSignals;
use super::actions::Actions;
use super::export::{ExportChoice, Source};
use super::rows::Rows;
use crate::api::{CallError, Updated};
use crate::language::{fill, t};
use crate::{api, browser};

/// The users that are selected, as they were then.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    users: RwSignal<BTreeMap<u32, User>>,
    /// The row that was selected last, from where Shift goes on.
    last_row: StoredValue<u32>,
}

impl Selection {
    pub(super) fn new() -> Self {
        Self {
            users: RwSignal::default(),
            last_row: StoredValue::new(0),
        }
    }

    pub(super) fn contains(self, id: u32) -> bool {
        self.users.with(|users| users.contains_key(&id))
    }

    /// The users, by id.
    pub(super) fn users(self) -> Vec<User> {
        self.users.get_untracked().into_values().collect()
    }

    fn remove(self, id: u32) {
        self.users.try_update(|users| users.remove(&id));
    }

    /// Takes the user of a row in or out; with Shift, all that are known between it and the last one.
    pub(super) fn toggle(self, rows: RwSignal<Rows>, number: u32, with_shift: bool) {
        let first = if with_shift {
            self.last_row.get_value()
        } else {
            number
        };
        self.last_row.set_value(number);
        let range = first.min(number)..=first.max(number);
        rows.with_untracked(|rows| {
            let Some(clicked) = rows.row(number) else {
                return;
            };
            let is_in = self
                .users
                .with_untracked(|users| users.contains_key(&clicked.user.id));
            self.users.update(|users| {
                for row in range.filter_map(|number| rows.row(number)) {
                    if is_in {
                        users.remove(&row.user.id);
                    } else {
                        users.insert(row.user.id, row.user);
                    }
                }
            });
        });
    }
}

/// What can be done to the selected users, while there are any; and what became of it.
#[component]
pub(super) fn SelectionBar() -> impl IntoView {
    let selection: Selection = expect_context();
    let actions: Actions = expect_context();
    let revised: ChangeSignals = expect_context();
    let busy = RwSignal::new(false);
    let outcome = RwSignal::new(None::<String>);
    let count = Memo::new(move |_| selection.users.with(BTreeMap::len));
    let retype = move |ev| {
        let Some(user_type) = user_types::parse(&event_target_value(&ev)) else {
            return;
        };
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        outcome.set(None);
        browser::spawn_abortable(async move {
            let said = change_type(selection, user_type).await;
            revised.note();
            busy.try_set(false);
            outcome.try_set(said);
        });
    };
    let delete = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        outcome.set(None);
        browser::spawn_abortable(async move {
            let users = selection.users();
            actions
                .deletion
                .delete(users, |id| selection.remove(id))
                .await;
            busy.try_set(false);
        });
    };
    let bar = move || {
        (count.get() > 0).then(|| {
            view! {
                <div class="selection" role="group" aria-label=t("Selected users")>
                    <p role="status">{move || fill("{0} selected", &[&browser::grouped(count.get() as u32)])}</p>
                    <select aria-label=t("Change type") prop:value="" on:change=retype>
                        <option value="">{t("Change type…")}</option>
                        {user_types::STORABLE.map(|user_type| view! {
                            <option value=user_type.as_str_name()>{t(user_type.label())}</option>
                        })}
                    </select>
                    <ExportChoice source=Source::Selected(selection) />
                    <button type="button" class="button danger" on:click=delete>{t("Delete")}</button>
                    <button type="button" class="button" on:click=move |_| selection.users.set(BTreeMap::new())>
                        {t("Clear")}
                    </button>
                </div>
            }
        })
    };
    view! {
        {bar}
        <p class="form-failure" role="alert">{move || outcome.get()}</p>
    }
}

/// Gives them the type, one after the other; those that have it are selected no longer. A word on those it could not be
/// done to.
async fn change_type(selection: Selection, user_type: UserType) -> Option<String> {
    let mut stale = 0_u32;
    for user in selection.users() {
        let id = user.id;
        let wanted = User {
            user_type: user_type.into(),
            ..user
        };
        match api::update_user(wanted).await {
            // Nothing is left to be changed.
            Ok(Updated::Stored) | Err(CallError::NotFound) => selection.remove(id),
            Ok(Updated::Stale(_)) => stale += 1,
            Err(error) => {
                return Some(fill(
                    "{0} Those still selected are to be done yet.",
                    &[&error.sentence()],
                ));
            }
        }
    }
    (stale > 0).then(|| {
        fill(
            "{0} have been changed by somebody else since they were selected, and are as they were.",
            &[&stale.to_string()],
        )
    })
}
