//! Taking a deletion back.

use std::time::Duration;

use leptos::prelude::*;
use soundstage_proto::user::User;

use crate::api::Added;
use crate::{api, browser};

/// How long a deletion can be taken back.
const OFFERED: Duration = Duration::from_secs(10);

/// The user that was deleted last, while that can be taken back.
#[derive(Clone, Copy)]
pub(super) struct Deleted(pub(super) RwSignal<Option<User>>);

/// Says that a user was deleted, with a button that adds it again.
#[component]
pub(super) fn UndoNotice() -> impl IntoView {
    let Deleted(deleted) = expect_context();
    let outcome = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if let Some(user) = deleted.get() {
            outcome.set(Some(format!("{} was deleted.", user.nickname)));
        }
        if outcome.with(Option::is_some) {
            browser::spawn_scoped(async move {
                browser::sleep(OFFERED).await;
                deleted.set(None);
                outcome.set(None);
            });
        }
    });
    let undo = move |_| {
        let Some(user) = deleted.get_untracked() else {
            return;
        };
        deleted.set(None);
        browser::spawn_abortable(async move {
            let nickname = user.nickname.clone();
            let said = match api::add_user(user.clone()).await {
                Ok(Added::Stored(_)) => format!("{nickname} is back."),
                Ok(Added::AlreadyExists) => format!(
                    "{nickname} cannot come back: somebody else has the id {} now.",
                    user.id
                ),
                Err(error) => {
                    deleted.try_set(Some(user));
                    format!("{} {nickname} is not back yet.", error.sentence())
                }
            };
            outcome.try_set(Some(said));
        });
    };
    view! {
        <div class="undo" role="status">
            {move || outcome.get().map(|said| view! { <p>{said}</p> })}
            {move || deleted.get().map(|_| view! {
                <button type="button" class="button" on:click=undo>"Undo"</button>
            })}
        </div>
    }
}
