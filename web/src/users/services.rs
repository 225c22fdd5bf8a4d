//! Services of the application. They outlive the page of users, so that work in progress continues on other pages.

use leptos::prelude::*;

use super::changes::ChangeSignals;
use super::deletion::{DeletionNotice, Deletions};
use super::import::{ImportStatus, Imports};
use super::selection::Selection;

/// Creates the services; called once, by the application.
pub(crate) fn provide_services() {
    let changes = ChangeSignals::new();
    let selection = Selection::new(changes);
    provide_context(changes);
    provide_context(selection);
    provide_context(Deletions::new(selection, changes));
    provide_context(Imports::new(changes));
}

/// What the services report on every page.
#[component]
pub(crate) fn ServiceStatus() -> impl IntoView {
    view! {
        <ImportStatus />
        <DeletionNotice />
    }
}
