//! Views that are loaded on demand.
//!
//! A function marked with `wasm_split` is compiled into a file of its own, with all code that only this function needs:
//! see `parts.rs` and `users/parts.rs`.

use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;

use crate::api::{Backoff, CallError};
use crate::browser;
use crate::ui::Failure;

/// Shows the view that `load` returns, once it is loaded. After a failure, shows the error and retries with back-off.
pub(crate) fn lazily<F, E>(load: impl Fn() -> F + Copy + 'static) -> AnyView
where
    F: Future<Output = Result<AnyView, E>> + 'static,
{
    let loaded = RwSignal::new_local(None);
    let attempt = RwSignal::new(0_u32);
    Effect::new(move |_| {
        attempt.track();
        // The view belongs to this effect, so that its signals are disposed together with it.
        browser::spawn_scoped(ScopedFuture::new(async move {
            let mut backoff = Backoff::default();
            loop {
                let view = load().await.map_err(drop);
                let is_missing = view.is_err();
                loaded.set(Some(view));
                if !is_missing {
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
        Some(view.unwrap_or_else(|()| {
            let error = CallError::Unreachable;
            view! { <Failure error retry /> }.into_any()
        }))
    };
    view.into_any()
}
