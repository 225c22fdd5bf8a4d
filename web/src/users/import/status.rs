//! The banner about the import on other pages.

use leptos::prelude::*;

use super::service::Imports;
use super::state::{ImportState, Phase};
use crate::language::{key, t};
use crate::router::{Link, Router};
use crate::ui::plural;

/// The path of the pane.
const PANE: &str = "/users/import";

/// Links to a running or ended import, unless its pane is open.
#[component]
pub(in crate::users) fn ImportStatus() -> impl IntoView {
    let state = expect_context::<Imports>().state;
    let router: Router = expect_context();
    let is_idle = Memo::new(move |_| state.with(|state| *state.phase() == Phase::Choosing));
    move || {
        (!is_idle.get() && router.path() != PANE).then(|| {
            view! {
                <p class="banner" role="status"><Link href=PANE>{move || state.with(sentence)}</Link></p>
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
