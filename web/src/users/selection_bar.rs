//! What the reader can do to all selected users.

use leptos::ev::Event;
use leptos::prelude::*;
use soundstage_proto::user_types;

use super::deletion::Deletions;
use super::export::{ExportChoice, Source};
use super::selection::Selection;
use crate::browser;
use crate::language::{fill, t};

/// The actions on the selected users, if there are any, and the error of the last action.
#[component]
pub(super) fn SelectionBar() -> impl IntoView {
    let selection: Selection = expect_context();
    let deletions: Deletions = expect_context();
    let count = Memo::new(move |_| selection.count());
    let is_shown = Memo::new(move |_| count.get() > 0);
    let change_type = move |event: Event| {
        if let Some(user_type) = user_types::parse(&event_target_value(&event)) {
            selection.change_type(user_type);
        }
        if let Some(choice) = event.target() {
            // Back to the name of the action, so that the same type can be chosen again. A select has a value.
            let _ = js_sys::Reflect::set(&choice, &"value".into(), &"".into());
        }
    };
    let bar = move || {
        is_shown.get().then(|| {
            view! {
                <div class="selection" role="group" aria-label=t("Selected users")>
                    <p role="status">{move || fill("{0} selected", &[&browser::grouped(count.get())])}</p>
                    <select aria-label=t("Change type") on:change=change_type>
                        <option value="">{t("Change type…")}</option>
                        {user_types::STORABLE.map(|user_type| view! {
                            <option value=user_type.as_str_name()>{t(user_type.label())}</option>
                        })}
                    </select>
                    <ExportChoice source=Source::Selected(selection) />
                    <button type="button" class="button danger" on:click=move |_| deletions.delete(selection.users())>
                        {t("Delete")}
                    </button>
                    <button type="button" class="button" on:click=move |_| selection.clear()>{t("Clear selection")}</button>
                </div>
            }
        })
    };
    view! {
        {bar}
        <p class="form-failure" role="alert">{move || selection.failure()}</p>
    }
}
