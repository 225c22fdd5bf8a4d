//! A labelled control of a form. One type for all of them: each view of its own would be some kilobytes more to download.

use leptos::prelude::*;

use crate::language::translated;

/// What a field is filled in with.
#[derive(Clone)]
pub(crate) enum Control {
    /// One line of text, of a type such as `email` and with a keyboard such as `numeric`.
    Text(&'static str, &'static str),
    /// Several lines.
    Lines,
    /// One of some values, each with what it is called.
    Choice(Vec<(&'static str, &'static str)>),
}

impl Control {
    /// Text of any kind.
    pub(crate) const TEXT: Self = Self::Text("text", "text");
    /// Text that is a whole number.
    pub(crate) const NUMBER: Self = Self::Text("text", "numeric");
}

/// A control with its label, a hint, and what is wrong with its value, which is translated here.
#[component]
pub(crate) fn Field(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    control: Control,
    value: Signal<String>,
    on_input: Callback<String>,
    #[prop(optional)] on_leave: Option<Callback<()>>,
    #[prop(optional)] hint: &'static str,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] error: Signal<Option<String>>,
    #[prop(optional)] disabled: Signal<bool>,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let error_id = format!("{id}-error");
    let described_by = format!("{hint_id} {error_id}");
    let invalid = Signal::derive(move || error.get().is_some().to_string());
    let edit = move |ev| on_input.run(event_target_value(&ev));
    let leave = move |_| {
        // A control that is removed while it has the focus is left after its form has gone.
        on_leave.and_then(|on_leave| on_leave.try_run(()));
    };
    let control = match control {
        Control::Text(kind, keyboard) => view! {
            <input
                id=id.clone()
                type=kind
                inputmode=keyboard
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                prop:value=value
                on:input=edit
                on:blur=leave
                aria-invalid=invalid
                aria-describedby=described_by
            />
        }
        .into_any(),
        Control::Lines => view! {
            <textarea
                id=id.clone()
                rows="2"
                spellcheck="false"
                placeholder=placeholder
                prop:value=value
                on:input=edit
                aria-invalid=invalid
                aria-describedby=described_by
            ></textarea>
        }
        .into_any(),
        Control::Choice(choices) => view! {
            <select id=id.clone() on:change=edit prop:value=value disabled=disabled>
                {choices.into_iter().map(|(value, name)| view! { <option value=value>{name}</option> }).collect_view()}
            </select>
        }
        .into_any(),
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {control}
            <p id=hint_id class="field-hint">{hint}</p>
            <p id=error_id class="field-error" role="status">{move || error.get().map(|error| translated(&error).to_owned())}</p>
        </div>
    }
    .into_any()
}
