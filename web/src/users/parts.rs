//! The panes, dialogs and bars that are loaded as separate parts.

#![expect(
    clippy::unnecessary_wraps,
    reason = "loading can fail, around the marked function"
)]

use leptos::prelude::*;
use soundstage_proto::user::User;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::add::AddUserPane;
use super::detail::UserPane;
use super::edit::EditDialog;
use super::import::ImportPane;
use super::selection::Selection;
use super::selection_bar::SelectionBar;
use crate::browser;
use crate::lazy::lazily;

#[wasm_split(panes, fallible)]
fn add_user_pane() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <AddUserPane /> }.into_any())
}

#[wasm_split(panes, fallible, preload(fetch_panes))]
fn user_pane(id: String) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <UserPane id /> }.into_any())
}

#[wasm_split(panes, fallible)]
fn edit_dialog(user: User, on_close: Callback<()>) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <EditDialog user on_close /> }.into_any())
}

#[wasm_split(panes, fallible)]
fn selection_bar() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <SelectionBar /> }.into_any())
}

#[wasm_split(files, fallible)]
fn import_pane() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <ImportPane /> }.into_any())
}

/// Loads the panes before the reader opens one, so that they open at once, even if the server goes away.
pub(super) fn preload_panes() {
    browser::spawn_abortable(async {
        // A failed load is retried when a pane opens.
        let _ = fetch_panes().await;
    });
}

/// Pane to add a user.
#[component]
pub(super) fn LazyAddUserPane() -> impl IntoView {
    lazily(add_user_pane)
}

/// Pane of one user.
#[component]
pub(super) fn LazyUserPane(id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    lazily(move || user_pane(id.get_value()))
}

/// Dialog to edit a user.
#[component]
pub(super) fn LazyEditDialog(user: User, on_close: Callback<()>) -> impl IntoView {
    let user = StoredValue::new(user);
    lazily(move || edit_dialog(user.get_value(), on_close))
}

/// Actions on the selected users, if there are any, and the error of the last action.
#[component]
pub(super) fn LazySelectionBar() -> impl IntoView {
    let selection: Selection = expect_context();
    let is_shown = Memo::new(move |_| selection.count() > 0);
    view! {
        {move || is_shown.get().then(|| lazily(selection_bar))}
        <p class="form-failure" role="alert">{move || selection.failure()}</p>
    }
}

/// Pane to import users.
#[component]
pub(super) fn LazyImportPane() -> impl IntoView {
    lazily(import_pane)
}
