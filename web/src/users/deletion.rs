//! Deleting users, and taking that back.

use std::time::Duration;

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::ChangeSignals;
use crate::api::{Added, CallError};
use crate::language::{fill, t};
use crate::{api, browser};

/// How long a deletion can be taken back.
const OFFERED: Duration = Duration::from_secs(10);

/// How often a deletion is tried while the server cannot be reached, and how long to wait before the next time.
const TRIES: u32 = 120;
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The users that were deleted last, while that can be taken back, and what is said about it.
#[derive(Clone, Copy)]
pub(super) struct Deletion {
    gone: RwSignal<Vec<User>>,
    said: RwSignal<Option<String>>,
    revised: ChangeSignals,
}

impl Deletion {
    pub(super) fn new(revised: ChangeSignals) -> Self {
        Self {
            gone: RwSignal::default(),
            said: RwSignal::default(),
            revised,
        }
    }

    /// Deletes users at the revisions that they have here, and tells `on_gone` each one that has gone.
    pub(super) async fn delete(self, users: Vec<User>, on_gone: impl Fn(u32)) {
        let mut gone = Vec::new();
        let mut stale = 0_u32;
        let mut said = Vec::new();
        for user in users {
            match self.delete_one(&user).await {
                Ok(is_ours) => {
                    on_gone(user.id);
                    gone.extend(is_ours.then_some(user));
                }
                Err(CallError::Stale) => stale += 1,
                Err(error) => {
                    said.push(error.sentence());
                    break;
                }
            }
        }
        self.revised.note();
        match gone.as_slice() {
            [] => {}
            [user] => said.push(fill("{0} is deleted.", &[&user.nickname])),
            more => said.push(fill("{0} users are deleted.", &[&more.len().to_string()])),
        }
        match stale {
            0 => {}
            1 => said.push(t("Somebody has changed the user meanwhile, so it was not deleted. Look at it again.").into()),
            more => said.push(fill(
                "{0} have been changed by somebody else meanwhile, so they were not deleted.",
                &[&more.to_string()],
            )),
        }
        self.say(gone, (!said.is_empty()).then(|| said.join(" ")));
    }

    /// Deletes a user; whether it was done from here. A try that was not answered may have been carried out, so it is made
    /// again until there is an answer.
    async fn delete_one(self, user: &User) -> Result<bool, CallError> {
        for tried in 0..TRIES {
            match api::delete_user(user.id, user.revision).await {
                Ok(_) => return Ok(true),
                // Gone is gone, whoever did it.
                Err(CallError::NotFound) => return Ok(tried > 0),
                Err(CallError::Unreachable) => {
                    let sentence = CallError::Unreachable.sentence();
                    let waiting = fill("{0} The deletion is tried again by itself.", &[&sentence]);
                    self.say(Vec::new(), Some(waiting));
                    browser::sleep(RETRY_DELAY).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(CallError::Unreachable)
    }

    /// Says something else in the same place; what can be taken back stays so.
    pub(super) fn tell(self, said: &str) {
        self.said.try_set(Some(said.to_owned()));
    }

    /// Not if the page has been left meanwhile.
    fn say(self, gone: Vec<User>, said: Option<String>) {
        self.gone.try_set(gone);
        self.said.try_set(said);
    }
}

/// Says what became of a deletion, with a button that adds the users again.
#[component]
pub(super) fn DeletionNotice(deletion: Deletion) -> impl IntoView {
    let Deletion {
        gone,
        said,
        revised,
    } = deletion;
    Effect::new(move |_| {
        if said.with(Option::is_some) {
            browser::spawn_scoped(async move {
                browser::sleep(OFFERED).await;
                deletion.say(Vec::new(), None);
            });
        }
    });
    let undo = move |_| {
        let users = std::mem::take(&mut *gone.write());
        browser::spawn_abortable(async move {
            let (words, left) = bring_back(users).await;
            revised.note();
            deletion.say(left, Some(words));
        });
    };
    view! {
        <div class="undo" role="status">
            {move || said.get().map(|said| view! { <p>{said}</p> })}
            {move || (!gone.with(Vec::is_empty)).then(|| view! {
                <button type="button" class="button" on:click=undo>{t("Undo")}</button>
            })}
        </div>
    }
}

/// Adds users again. What became of it, and those that could not be reached.
async fn bring_back(users: Vec<User>) -> (String, Vec<User>) {
    let back = match users.as_slice() {
        [user] => fill("{0} is back.", &[&user.nickname]),
        more => fill("{0} users are back.", &[&more.len().to_string()]),
    };
    let mut users = users.into_iter();
    let mut taken = Vec::new();
    while let Some(user) = users.next() {
        match add_again(&user).await {
            Ok(true) => {}
            Ok(false) => taken.push(user.id.to_string()),
            Err(error) => {
                let left: Vec<_> = std::iter::once(user).chain(users).collect();
                let count = left.len().to_string();
                let said = fill("{0} Not back yet: {1}.", &[&error.sentence(), &count]);
                return (said, left);
            }
        }
    }
    let said = if taken.is_empty() {
        back
    } else {
        fill(
            "Not back, since somebody else has the id now: {0}.",
            &[&taken.join(", ")],
        )
    };
    (said, Vec::new())
}

/// Whether the user is there again, from now or from an earlier try whose answer was lost.
async fn add_again(user: &User) -> Result<bool, CallError> {
    match api::add_user(user.clone()).await? {
        Added::Stored(_) => Ok(true),
        Added::AlreadyExists => {
            let now = api::get_user(user.id).await?;
            Ok(now.is_some_and(|now| api::is_same(&now, user)))
        }
    }
}
