//! Taking a deletion back.

use std::time::Duration;

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::Revised;
use crate::api::Added;
use crate::{api, browser};

/// How long a deletion can be taken back.
const OFFERED: Duration = Duration::from_secs(10);

/// The users that were deleted last, while that can be taken back.
#[derive(Clone, Copy)]
pub(super) struct Deleted(pub(super) RwSignal<Vec<User>>);

/// Says that users were deleted, with a button that adds them again.
#[component]
pub(super) fn UndoNotice() -> impl IntoView {
    let Deleted(deleted) = expect_context();
    let revised: Revised = expect_context();
    let outcome = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let users = deleted.get();
        if !users.is_empty() {
            outcome.set(Some(format!("{} deleted.", names(&users))));
        }
        if outcome.with(Option::is_some) {
            browser::spawn_scoped(async move {
                browser::sleep(OFFERED).await;
                deleted.set(Vec::new());
                outcome.set(None);
            });
        }
    });
    let undo = move |_| {
        let users = std::mem::take(&mut *deleted.write());
        browser::spawn_abortable(async move {
            let (said, left) = bring_back(users).await;
            revised.note();
            deleted.try_set(left);
            outcome.try_set(Some(said));
        });
    };
    view! {
        <div class="undo" role="status">
            {move || outcome.get().map(|said| view! { <p>{said}</p> })}
            {move || (!deleted.with(Vec::is_empty)).then(|| view! {
                <button type="button" class="button" on:click=undo>"Undo"</button>
            })}
        </div>
    }
}

/// Adds users again. What became of it, and those that could not be reached.
async fn bring_back(users: Vec<User>) -> (String, Vec<User>) {
    let back = names(&users);
    let mut users = users.into_iter();
    let mut taken = Vec::new();
    while let Some(user) = users.next() {
        match api::add_user(user.clone()).await {
            Ok(Added::Stored(_)) => {}
            Ok(Added::AlreadyExists) => taken.push(user.id.to_string()),
            Err(error) => {
                let left: Vec<_> = std::iter::once(user).chain(users).collect();
                let said = format!("{} {} not back yet.", error.sentence(), names(&left));
                return (said, left);
            }
        }
    }
    let said = if taken.is_empty() {
        format!("{back} back.")
    } else {
        format!(
            "Not back, since somebody else has the id now: {}.",
            taken.join(", ")
        )
    };
    (said, Vec::new())
}

/// One by name, several by number.
fn names(users: &[User]) -> String {
    match users {
        [user] => format!("{} is", user.nickname),
        _ => format!("{} users are", users.len()),
    }
}
