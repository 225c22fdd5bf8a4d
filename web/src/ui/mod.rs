//! What all pages are made of.

mod field;
mod number;
mod remote;

use leptos::prelude::*;

use crate::api::CallError;
use crate::language::t;

pub(crate) use field::{Control, Field};
pub(crate) use number::{decimal, fixed};
pub(crate) use remote::{Remote, RemoteData};

/// A quiet box with something to say: that there is nothing, or where to go.
#[component]
pub(crate) fn Notice(children: Children) -> impl IntoView {
    view! { <div class="notice">{children()}</div> }
}

/// A failed call, and the way to try it again.
#[component]
pub(crate) fn Failure(error: CallError, retry: Callback<()>) -> impl IntoView {
    let hint = (!error.is_final()).then(|| t("Trying again by itself."));
    view! {
        <div class="notice failure" role="alert">
            <p>{error.sentence()} " " {hint}</p>
            <button type="button" class="button" on:click=move |_| retry.run(())>{t("Try again")}</button>
        </div>
    }
}
