//! Components that all pages share.

mod dialog;
mod field;
mod menu;
mod number;
mod plural;
mod remote;
mod virtual_list;

use leptos::prelude::*;

use crate::api::CallError;
use crate::language::t;

pub(crate) use dialog::{Dialog, close_dialog};
pub(crate) use field::{Control, Field};
pub(crate) use menu::{Corner, Menu, MenuButton, close_menu};
pub(crate) use number::{decimal, fixed, pixels};
pub(crate) use plural::plural;
pub(crate) use remote::{Remote, RemoteData};
pub(crate) use virtual_list::{ListGeometry, RenderedRows, ScrollPosition};

/// Neutral box for a message, such as an empty result.
#[component]
pub(crate) fn Notice(children: Children) -> impl IntoView {
    view! { <div class="notice">{children()}</div> }
}

/// Error of a failed call, with a button to retry.
#[component]
pub(crate) fn Failure(error: CallError, retry: Callback<()>) -> impl IntoView {
    let hint = (!error.is_final()).then(|| t("Retrying automatically…"));
    view! {
        <div class="notice failure" role="alert">
            <p>{error.sentence()} " " {hint}</p>
            <button type="button" class="button" on:click=move |_| retry.run(())>{t("Try again")}</button>
        </div>
    }
}
