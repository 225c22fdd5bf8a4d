//! Labelled control of a form. All controls share one component, since each further view adds kilobytes to the download.

use leptos::prelude::*;

use crate::language::translated;

/// Kind of control.
#[derive(Clone)]
pub(crate) enum Control {
    /// One line of text, with an input type such as `email` and an input mode such as `numeric`.
    Text(&'static str, &'static str),
    /// Several lines of text.
    Lines,
    /// Choice among pairs of value and label.
    Choice(Vec<(&'static str, &'static str)>),
}

impl Control {
    /// Any text.
    pub(crate) const TEXT: Self = Self::Text("text", "text");
    /// Whole number.
    pub(crate) const NUMBER: Self = Self::Text("text", "numeric");
}

/// Control with its label, a hint, and the error of its value. The error is translated here.
#[component]
pub(crate) fn Field(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    control: Control,
    value: Signal<String>,
    on_input: Callback<String>,
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
