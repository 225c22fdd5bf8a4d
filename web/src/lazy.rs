//! Pages that are loaded when somebody first goes to them.
//!
//! Each function that is marked with `wasm_split` ends up, with all that only it needs, in a file of its own.

#![expect(
    clippy::unnecessary_wraps,
    reason = "what can fail is the loading, around the function that is marked"
)]

use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::browser;
use crate::calls::CallsPage;
use crate::stage::StagePage;
use crate::ui::Notice;

#[wasm_split(stage, fallible)]
fn stage_page() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <StagePage /> }.into_any())
}

#[wasm_split(calls, fallible)]
fn calls_page() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <CallsPage /> }.into_any())
}

/// *Stage*.
#[component]
pub(crate) fn LazyStage() -> impl IntoView {
    lazily(stage_page)
}

/// *Calls*.
#[component]
pub(crate) fn LazyCalls() -> impl IntoView {
    lazily(calls_page)
}

/// What `load` brings, once it is there.
fn lazily<F>(load: fn() -> F) -> AnyView
where
    F: Future<Output = Result<AnyView, SplitLoaderError>> + 'static,
{
    let loaded = RwSignal::new_local(None);
    let round = RwSignal::new(0_u32);
    Effect::new(move |_| {
        round.track();
        // What the page registers ends with this effect, and so with the place that the page stands at.
        let page = ScopedFuture::new(load());
        browser::spawn_scoped(async move { loaded.set(Some(page.await.map_err(drop))) });
    });
    let again = move |_| {
        loaded.set(None);
        round.update(|round| *round += 1);
    };
    let page = move || {
        loaded.track();
        // Taken, since a view can be shown once.
        match loaded.write_untracked().take()? {
            Ok(page) => Some(page),
            Err(()) => Some(
                view! {
                    <Notice>
                        <p>"This page could not be loaded."</p>
                        <button type="button" class="button" on:click=again>"Try again"</button>
                    </Notice>
                }
                .into_any(),
            ),
        }
    };
    page.into_any()
}
