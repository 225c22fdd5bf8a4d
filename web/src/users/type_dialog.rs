//! The question before all selected users change their type.

use leptos::prelude::*;
use soundstage_proto::UserType;

use super::selection::Selection;
use crate::language::{fill, key, t};
use crate::ui::{Dialog, close_dialog, plural};

/// The dialog, which names the number of users: a change of their type cannot be undone.
#[component]
pub(super) fn TypeDialog(user_type: UserType, on_close: Callback<()>) -> impl IntoView {
    let selection: Selection = expect_context();
    let dialog = NodeRef::new();
    let question = plural(
        untrack(|| selection.count()),
        key("Change the type of {0} user?"),
        key("Change the type of {0} users?"),
    );
    let new_type = t(user_type.label());
    let confirm = move |_| {
        close_dialog(dialog);
        selection.change_type(user_type);
    };
    view! {
        <Dialog heading_id="type-heading" on_close dialog>
            <div class="stacked-form">
                <h2 id="type-heading">{question}</h2>
                <p>{fill("The new type is {0}. You cannot undo this change.", &[new_type])}</p>
                <div class="actions">
                    <button type="button" class="button primary" on:click=confirm>{t("Change type")}</button>
                    // Takes the focus, so that Enter held down in the menu changes no user.
                    <button type="button" class="button" autofocus on:click=move |_| close_dialog(dialog)>
                        {t("Cancel")}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}
