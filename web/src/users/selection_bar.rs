//! The bar with the actions on all selected users.

use leptos::prelude::*;
use soundstage_proto::{UserType, user_types};

use super::deletion::Deletions;
use super::export::{ExportChoice, Source};
use super::selection::Selection;
use super::type_dialog::TypeDialog;
use crate::browser;
use crate::language::{fill, t};
use crate::ui::MenuButton;

/// The actions on the selected users.
#[component]
pub(super) fn SelectionBar() -> impl IntoView {
    let selection: Selection = expect_context();
    let deletions: Deletions = expect_context();
    let count = Memo::new(move |_| selection.count());
    let chosen = RwSignal::new(None::<UserType>);
    let choose = Callback::new(move |name: &'static str| chosen.set(user_types::parse(name)));
    let types =
        user_types::STORABLE.map(|user_type| (user_type.as_str_name(), t(user_type.label())));
    view! {
        <div class="selection" role="group" aria-label=t("Selected users")>
            <p role="status">{move || fill("{0} selected", &[&browser::grouped(count.get())])}</p>
            <MenuButton id="change-type" label=t("Change type…") choices=types.into() on_choose=choose />
            <ExportChoice source=Source::Selected(selection) />
            <button type="button" class="button danger" on:click=move |_| deletions.delete(selection.users())>
                {t("Delete")}
            </button>
            <button type="button" class="button" on:click=move |_| selection.clear()>{t("Clear selection")}</button>
        </div>
        {move || chosen.get().map(|user_type| view! {
            <TypeDialog user_type on_close=Callback::new(move |()| chosen.set(None)) />
        })}
    }
}
