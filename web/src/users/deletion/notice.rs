//! What the reader sees of deletions.

use std::time::Duration;

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::service::Deletions;
use super::state::DeletionState;
use crate::api::CallError;
use crate::browser;
use crate::language::{fill, key, t};
use crate::ui::plural;

/// How long the notice is shown, and a deletion can be undone, after the last news.
const SHOWN: Duration = Duration::from_secs(10);

/// Reports deletions, with a button that undoes the latest deletion.
#[component]
pub(in crate::users) fn DeletionNotice() -> impl IntoView {
    let deletions: Deletions = expect_context();
    let state = deletions.state;
    Effect::new(move |_| {
        if state.with(DeletionState::can_expire) {
            browser::spawn_scoped(async move {
                browser::sleep(SHOWN).await;
                state.update(DeletionState::expire);
            });
        }
    });
    let text = move || {
        let text = state.with(sentences);
        (!text.is_empty()).then(|| view! { <p>{text}</p> })
    };
    let can_undo = Memo::new(move |_| state.with(|state| state.latest().is_some()));
    view! {
        <div class="undo" role="status">
            {text}
            {move || can_undo.get().then(|| view! {
                <button type="button" class="button" on:click=move |_| deletions.undo()>{t("Undo")}</button>
            })}
        </div>
    }
}

/// Returns the sentences of the notice; empty if there is nothing to say.
fn sentences(state: &DeletionState) -> String {
    let waiting = state.is_waiting().then(|| {
        let error = CallError::Unreachable.sentence();
        fill("{0} Trying to delete again…", &[&error])
    });
    let latest = state
        .latest()
        .map(|(users, is_fresh)| deleted(users, is_fresh));
    let message = state.message().map(str::to_owned);
    let all: Vec<_> = [message, waiting, latest].into_iter().flatten().collect();
    all.join(" ")
}

/// Returns the sentence about the users that undo restores.
fn deleted(users: &[User], is_fresh: bool) -> String {
    match (users, is_fresh) {
        ([user], true) => fill("Deleted {0}.", &[&user.nickname]),
        ([user], false) => fill("Still deleted: {0}.", &[&user.nickname]),
        (users, true) => plural(
            users.len() as u32,
            key("Deleted {0} user."),
            key("Deleted {0} users."),
        ),
        (users, false) => plural(
            users.len() as u32,
            key("Still deleted: {0} user."),
            key("Still deleted: {0} users."),
        ),
    }
}
