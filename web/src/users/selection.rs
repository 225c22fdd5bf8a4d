//! Users that are selected, and what can be done to all of them.

use std::collections::BTreeMap;

use leptos::prelude::*;
use soundstage_proto::user::User;
use soundstage_proto::{UserType, user_types};

use super::Revised;
use super::rows::Rows;
use super::undo::Deleted;
use crate::api::CallError;
use crate::{api, browser};

/// The users that are selected, as they were then.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    users: RwSignal<BTreeMap<u32, User>>,
    /// The row that was selected last, from where Shift goes on.
    last_row: StoredValue<u32>,
}

/// What is done to each of them.
#[derive(Clone, Copy)]
enum Deed {
    Retype(UserType),
    Delete,
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
    let Deleted(deleted) = expect_context();
    let revised: Revised = expect_context();
    let busy = RwSignal::new(false);
    let outcome = RwSignal::new(None::<String>);
    let count = Memo::new(move |_| selection.users.with(BTreeMap::len));
    let do_to_all = move |deed: Deed| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        outcome.set(None);
        browser::spawn_abortable(async move {
            let (done, failures) = carry_out(selection, deed).await;
            revised.note();
            if busy.try_set(false).is_some() {
                return;
            }
            outcome.set(failures);
            if let Deed::Delete = deed {
                deleted.set(done);
            }
        });
    };
    let retype = move |ev| {
        if let Some(user_type) = user_types::parse(&event_target_value(&ev)) {
            do_to_all(Deed::Retype(user_type));
        }
    };
    let bar = move || {
        (count.get() > 0).then(|| {
            view! {
                <div class="selection" role="group" aria-label="Selected users">
                    <p role="status">{move || format!("{} selected", browser::grouped(count.get() as u32))}</p>
                    <select aria-label="Change type" prop:value="" on:change=retype>
                        <option value="">"Change type…"</option>
                        {user_types::STORABLE.map(|user_type| view! {
                            <option value=user_type.as_str_name()>{user_type.label()}</option>
                        })}
                    </select>
                    <button type="button" class="button danger" on:click=move |_| do_to_all(Deed::Delete)>"Delete"</button>
                    <button type="button" class="button" on:click=move |_| selection.users.set(BTreeMap::new())>
                        "Clear"
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

/// Does it to one after the other; those it was done to are selected no longer. What they were, and a word on those it
/// could not be done to.
async fn carry_out(selection: Selection, deed: Deed) -> (Vec<User>, Option<String>) {
    let users: Vec<User> = selection.users.get_untracked().into_values().collect();
    let mut done = Vec::new();
    let (mut stale, mut other) = (0_u32, None);
    for user in users {
        let (id, revision) = (user.id, user.revision);
        let answer = match deed {
            Deed::Delete => api::delete_user(id, revision).await,
            Deed::Retype(user_type) => {
                api::update_user(User {
                    user_type: user_type.into(),
                    ..user
                })
                .await
            }
        };
        match answer {
            // Gone is gone, whoever did it.
            Err(CallError::NotFound) => {}
            Err(CallError::Stale) => {
                stale += 1;
                continue;
            }
            Err(error) => {
                other = Some(error.sentence());
                break;
            }
            Ok(user) => done.push(user),
        }
        selection.users.try_update(|users| users.remove(&id));
    }
    let failures = match (stale, other) {
        (_, Some(sentence)) => Some(format!("{sentence} Those still selected are as they were.")),
        (0, None) => None,
        (count, None) => Some(format!(
            "{count} have been changed by somebody else since they were selected, and are as they were."
        )),
    };
    (done, failures)
}
