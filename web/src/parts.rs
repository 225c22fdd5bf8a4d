//! The pages that are parts of their own.

#![expect(
    clippy::unnecessary_wraps,
    reason = "loading can fail, around the marked function"
)]

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::calls::CallsPage;
use crate::language::Part;
use crate::lazy::lazily;
use crate::stage::StagePage;

#[wasm_split(stage, fallible)]
fn stage_page() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <StagePage /> }.into_any())
}

#[wasm_split(calls, fallible)]
fn calls_page() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <CallsPage /> }.into_any())
}

/// The page *Stage*.
#[component]
pub(crate) fn LazyStage() -> impl IntoView {
    lazily(|| with_texts(Part::Stage, stage_page()))
}

/// The page *Calls*.
#[component]
pub(crate) fn LazyCalls() -> impl IntoView {
    lazily(|| with_texts(Part::Calls, calls_page()))
}

/// Loads a page after its texts.
async fn with_texts(
    part: Part,
    page: impl Future<Output = Result<AnyView, SplitLoaderError>>,
) -> Result<AnyView, ()> {
    if part.load_texts().await {
        page.await.map_err(drop)
    } else {
        Err(())
    }
}
