//! Views that are loaded on demand.
//!
//! A function marked with `wasm_split` is compiled into a file of its own, with all code that only this function needs:
//! see `parts.rs` and `users/parts.rs`.

use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use leptos::tachys::reactive_graph::OwnedView;

use crate::api::{Backoff, CallError};
use crate::browser;
use crate::language::t;
use crate::ui::Failure;

/// Why a view is not loaded.
enum Missing {
    Unreachable,
    /// The server has another version of the page, and may lack the parts of this version.
    Outdated,
}

/// Shows the view that `load` returns, once it is loaded. After a failure, shows the error and retries with back-off;
/// if the server has another version of the page, offers to reload instead.
pub(crate) fn lazily<F, E>(load: impl Fn() -> F + Copy + 'static) -> AnyView
where
    F: Future<Output = Result<AnyView, E>> + 'static,
{
    let loaded = RwSignal::new_local(None);
    let attempt = RwSignal::new(0_u32);
    Effect::new(move |_| {
        attempt.track();
        // The effect owns the view and everything that its rendering creates, so that children are disposed before their
        // parents.
        browser::spawn_scoped(ScopedFuture::new(async move {
            let mut backoff = Backoff::default();
            loop {
                let view = match load().await {
                    Ok(view) => Ok(OwnedView::new(view).into_any()),
                    Err(_) if is_outdated().await => Err(Missing::Outdated),
                    Err(_) => Err(Missing::Unreachable),
                };
                let may_retry = matches!(view, Err(Missing::Unreachable));
                loaded.set(Some(view));
                if !may_retry {
                    return;
                }
                browser::sleep(backoff.next_delay()).await;
            }
        }));
    });
    let retry = Callback::new(move |()| attempt.update(|attempt| *attempt += 1));
    let view = move || {
        loaded.track();
        // A view can be shown only once.
        let view = loaded.write_untracked().take()?;
        Some(view.unwrap_or_else(|missing| match missing {
            Missing::Unreachable => {
                let error = CallError::Unreachable;
                view! { <Failure error retry /> }.into_any()
            }
            Missing::Outdated => view! { <ReloadOffer /> }.into_any(),
        }))
    };
    view.into_any()
}

/// Whether the server has another version of the page: its page no longer names this program.
async fn is_outdated() -> bool {
    let program = document().query_selector("link[rel=modulepreload]");
    let program = program.ok().flatten();
    let program = program.and_then(|link| link.get_attribute("href"));
    match (program, browser::fetch_text("/").await) {
        (Some(program), Some(page)) => !page.contains(&program),
        // The server is away, or failing.
        _ => false,
    }
}

#[component]
fn ReloadOffer() -> impl IntoView {
    view! {
        <div class="notice failure" role="alert">
            <p>{t("The server has a new version of this page. Reload the page to continue.")}</p>
            <button type="button" class="button" on:click=move |_| browser::reload()>{t("Reload the page")}</button>
        </div>
    }
}
