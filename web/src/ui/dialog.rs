//! Modal dialogs.

use leptos::html;
use leptos::prelude::*;

/// A modal dialog, open for as long as the component exists. The browser keeps the focus inside, and Escape closes it.
#[component]
pub(crate) fn Dialog(
    /// The id of the heading, which names the dialog.
    heading_id: &'static str,
    /// Called when the reader closes the dialog.
    on_close: Callback<()>,
    /// The dialog, for [`close_dialog`].
    #[prop(optional)]
    dialog: NodeRef<html::Dialog>,
    children: Children,
) -> impl IntoView {
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails only for a dialog that is open already.
            let _ = dialog.show_modal();
        }
    });
    view! {
        <dialog node_ref=dialog class="dialog" aria-labelledby=heading_id on:close=move |_| on_close.run(())>
            {children()}
        </dialog>
    }
    .into_any()
}

/// Closes a dialog. The browser returns the focus to the control that opened the dialog, which a removal would not.
pub(crate) fn close_dialog(dialog: NodeRef<html::Dialog>) {
    if let Some(dialog) = dialog.get_untracked() {
        dialog.close();
    }
}
