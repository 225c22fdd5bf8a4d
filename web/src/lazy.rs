//! What is loaded when somebody first needs it: pages, panes, and what reads and writes files.
//!
//! Each function that is marked with `wasm_split` ends up, with all that only it needs, in a file of its own.

#![expect(
    clippy::unnecessary_wraps,
    reason = "what can fail is the loading, around the function that is marked"
)]

use std::time::Duration;

use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use soundstage_formats::{Format, Writer};
use soundstage_proto::user::User;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::api::CallError;
use crate::browser;
use crate::calls::CallsPage;
use crate::language::Part;
use crate::stage::StagePage;
use crate::ui::Failure;
use crate::users::{AddUserPane, EditDialog, ImportPane, ShortcutsDialog, UserPane};

#[wasm_split(stage, fallible)]
fn stage_page() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <StagePage /> }.into_any())
}

#[wasm_split(calls, fallible)]
fn calls_page() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <CallsPage /> }.into_any())
}

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
fn shortcuts_dialog(on_close: Callback<()>) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <ShortcutsDialog on_close /> }.into_any())
}

#[wasm_split(files, fallible)]
fn import_pane() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <ImportPane /> }.into_any())
}

/// The text of each user, and, given none, of the end.
pub(crate) type UserWriter = Box<dyn FnMut(Option<&User>) -> String>;

/// Writes a file of users.
#[wasm_split(files, fallible)]
pub(crate) fn user_writer(format: Format) -> Result<UserWriter, SplitLoaderError> {
    let mut writer = Writer::new(format);
    Ok(Box::new(move |user| {
        let mut text = String::new();
        match user {
            Some(user) => writer.user(user, &mut text),
            None => writer.finish(&mut text),
        }
        text
    }))
}

/// How long to wait before a part is asked for again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// *Stage*.
#[component]
pub(crate) fn LazyStage() -> impl IntoView {
    lazily(|| with_texts(Part::Stage, stage_page()))
}

/// *Calls*.
#[component]
pub(crate) fn LazyCalls() -> impl IntoView {
    lazily(|| with_texts(Part::Calls, calls_page()))
}

/// Loads the panes for somebody who is about to want them: they are there at once then, even if the server is not.
pub(crate) fn expect_panes() {
    browser::spawn_abortable(async {
        // Tried again when they are wanted.
        let _ = fetch_panes().await;
    });
}

/// The pane to add a user in.
#[component]
pub(crate) fn LazyAddUserPane() -> impl IntoView {
    lazily(add_user_pane)
}

/// The pane that shows a user.
#[component]
pub(crate) fn LazyUserPane(id: String) -> impl IntoView {
    lazily(move || user_pane(id.clone()))
}

/// The dialog to change a user in.
#[component]
pub(crate) fn LazyEditDialog(user: User, on_close: Callback<()>) -> impl IntoView {
    lazily(move || edit_dialog(user.clone(), on_close))
}

/// The list of keys.
#[component]
pub(crate) fn LazyShortcutsDialog(on_close: Callback<()>) -> impl IntoView {
    lazily(move || shortcuts_dialog(on_close))
}

/// The pane to import users in.
#[component]
pub(crate) fn LazyImportPane() -> impl IntoView {
    lazily(import_pane)
}

/// A page, with its texts in the reader's language.
async fn with_texts(
    part: Part,
    page: impl Future<Output = Result<AnyView, SplitLoaderError>>,
) -> Result<AnyView, ()> {
    let has_texts = part.bring_texts().await;
    if has_texts {
        page.await.map_err(drop)
    } else {
        Err(())
    }
}

/// What `load` brings, once it is there.
fn lazily<F, E>(load: impl Fn() -> F + 'static) -> AnyView
where
    F: Future<Output = Result<AnyView, E>> + 'static,
{
    let loaded = RwSignal::new_local(None);
    let round = RwSignal::new(0_u32);
    let again = move || round.update(|round| *round += 1);
    Effect::new(move |_| {
        round.track();
        // What the page registers ends with this effect, and so with the place that the page stands at.
        let page = ScopedFuture::new(load());
        browser::spawn_scoped(async move {
            let page = page.await.map_err(drop);
            let is_missing = page.is_err();
            loaded.set(Some(page));
            if is_missing {
                // The server will be back.
                browser::sleep(RETRY_DELAY).await;
                again();
            }
        });
    });
    let page = move || {
        loaded.track();
        // Taken, since a view can be shown once.
        let page = loaded.write_untracked().take()?;
        Some(page.unwrap_or_else(|()| {
            let error = CallError::Unreachable;
            let retry = Callback::new(move |()| again());
            view! { <Failure error retry /> }.into_any()
        }))
    };
    page.into_any()
}
