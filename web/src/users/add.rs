//! The form to add a user.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use super::draft::{Draft, Field as Name};
use super::form::{DraftField, TypeField, focus, show_refusals};
use super::{ChangeSignals, Links};
use crate::api::{Added, CallError};
use crate::language::{fill, key, t};
use crate::{api, browser};

/// The form, and what became of sending it.
#[component]
pub(crate) fn AddUserPane() -> impl IntoView {
    browser::set_title(t("Add user"));
    let draft = RwSignal::new(Draft::default());
    let sending = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let addresses: Links = expect_context();
    let revised: ChangeSignals = expect_context();
    let navigate = use_navigate();

    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        let user = match draft.try_update(Draft::submit) {
            Some(Ok(user)) if !sending.get_untracked() => user,
            Some(Err(field)) => return focus(field),
            Some(Ok(_)) | None => return,
        };
        let navigate = navigate.clone();
        sending.set(true);
        failure.set(None);
        browser::spawn_abortable(async move {
            let answer = api::add_user(user).await;
            // The form may have been closed meanwhile; the table is to show it all the same.
            if let Ok(Added::Stored(_)) = &answer {
                revised.note();
            }
            if sending.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(Added::Stored(user)) => navigate(
                    &untrack(|| addresses.user(user.id)),
                    NavigateOptions::default(),
                ),
                Ok(Added::AlreadyExists) => {
                    let taken = t(
                        "Already exist: another user has this id. Choose another, or leave it empty.",
                    );
                    draft.update(|draft| draft.refuse_field(Name::Id, taken));
                    focus(Name::Id);
                }
                Err(CallError::InvalidFields(fields)) => show_refusals(draft, failure, &fields),
                Err(error) => failure.set(Some(unsent(&error))),
            }
        });
    };
    // Once it is in the document.
    request_animation_frame(|| focus(Name::Nickname));
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{t("Add user")}</h2>
                <A href=move || addresses.within("/users") attr:class="button quiet-button">{t("Close")}</A>
            </div>
            // The rules are ours, with our sentences; the browser's own checks would come before them.
            <form class="stacked-form" novalidate on:submit=submit>
                <DraftField draft field=Name::Nickname label=t("Nickname") hint=t("1 to 64 characters") />
                <DraftField draft field=Name::MailAddress label=t("Mail address") hint=t("Such as name@example.com") />
                <TypeField draft />
                <DraftField draft field=Name::Id label=t("Id") hint=t("Leave it empty for the next free one") />
                <p class="form-failure" role="alert">{failure}</p>
                <button type="submit" class="button primary" aria-disabled=move || sending.get().to_string()>
                    {move || if sending.get() { t("Adding…") } else { t("Add user") }}
                </button>
            </form>
        </aside>
    }
}

/// What to say, and to do. Whether an unanswered request has reached the server nobody here can know.
fn unsent(error: &CallError) -> String {
    let advice = match error {
        CallError::Unreachable => {
            key("{0} If the user is not in the table once it is back, add it again.")
        }
        _ => key("{0} Nothing was added; try again."),
    };
    fill(advice, &[&error.sentence()])
}
