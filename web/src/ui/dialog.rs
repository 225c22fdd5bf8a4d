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
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
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
