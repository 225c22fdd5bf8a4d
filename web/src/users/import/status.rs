//! The banner about the import on other pages.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

use super::service::Imports;
use super::state::{ImportState, Phase};
use crate::language::{key, t};
use crate::ui::plural;

/// The path of the pane.
const PANE: &str = "/users/import";

/// Links to a running or ended import, unless its pane is open.
#[component]
pub(in crate::users) fn ImportStatus() -> impl IntoView {
    let state = expect_context::<Imports>().state;
    let path = use_location().pathname;
    let is_idle = Memo::new(move |_| state.with(|state| *state.phase() == Phase::Choosing));
    move || {
        (!is_idle.get() && path.get() != PANE).then(|| {
            view! {
                <p class="banner" role="status"><A href=PANE>{move || state.with(sentence)}</A></p>
            }
        })
    }
}

fn sentence(state: &ImportState) -> String {
    match state.phase() {
        Phase::Choosing => String::new(),
        Phase::Running if state.is_waiting() => {
            t("Connection lost. The import continues when the server is back.").into()
        }
        Phase::Running => plural(
            state.rows_done(),
            key("Importing… {0} row processed."),
            key("Importing… {0} rows processed."),
        ),
        Phase::Ended(_) => t("The import has ended. View the result.").into(),
    }
}
