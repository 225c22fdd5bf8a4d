//! The form that adds a user.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::actions::Actions;
use super::changes::ChangeSignals;
use super::draft::{Draft, Field as Name};
use super::form::{UserFields, focus, show_field_errors};
use super::links::Links;
use crate::api::{Added, CallError};
use crate::language::{fill, key, t};
use crate::router::{Link, Router};
use crate::{api, browser};

/// The form. After the user is added, the page shows the user.
#[component]
pub(super) fn AddUserPane() -> impl IntoView {
    browser::set_title(t("Add user"));
    let draft = RwSignal::new(Draft::default());
    let sending = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let links: Links = expect_context();
    let changes: ChangeSignals = expect_context();
    let actions: Actions = expect_context();
    let router: Router = expect_context();

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let user = match draft.try_update(Draft::submit) {
            Some(Ok(user)) if !sending.get_untracked() => user,
            Some(Err(field)) => return focus(field),
            Some(Ok(_)) | None => return,
        };
        sending.set(true);
        failure.set(None);
        browser::spawn_abortable(async move {
            let outcome = api::add_user(user).await;
            if let Ok(Added::Stored(_)) = &outcome {
                changes.notify();
            }
            let is_closed = sending.try_set(false).is_some();
            if is_closed {
                return;
            }
            match outcome {
                Ok(Added::Stored(user)) => {
                    actions.note_added();
                    router.go(&untrack(|| links.user(user.id)));
                }
                Ok(Added::AlreadyExists) => {
                    let taken = t("Another user has this ID. Enter another ID, or leave it empty.");
                    draft.update(|draft| draft.reject(Name::Id, taken));
                    focus(Name::Id);
                }
                Err(CallError::InvalidFields(fields)) => {
                    show_field_errors(draft, failure, fields);
                }
                Err(error) => failure.set(Some(describe(&error))),
            }
        });
    };
    // The pane is in the document by the next frame.
    request_animation_frame(|| focus(Name::Nickname));
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{t("Add user")}</h2>
                <Link href=move || links.within("/users") class="button quiet-button">{t("Close")}</Link>
            </div>
            // `novalidate` turns off the browser's checks, which would run before ours.
            <form class="stacked-form" novalidate on:submit=submit>
                <UserFields draft with_id=true />
                <p class="form-failure" role="alert">{failure}</p>
                <button type="submit" class="button primary" aria-disabled=move || sending.get().to_string()>
                    {move || if sending.get() { t("Adding…") } else { t("Add user") }}
                </button>
            </form>
        </aside>
    }
}

/// Returns what happened and what to do. A request without a response may have reached the server.
fn describe(error: &CallError) -> String {
    let advice = match error {
        CallError::Unreachable => key(
            "{0} The user may have been added. When the server is back, check the table before you try again.",
        ),
        _ => key("{0} The user was not added. Try again."),
    };
    fill(advice, &[&error.sentence()])
}
