//! A form for a message of any type.

use leptos::prelude::*;
use soundstage_proto::descriptor::{FieldKind, MessageDescriptor, MethodDescriptor};

use super::message::{Draft, Input, Refused, inputs};

/// A message to begin with, so that the first click does something.
pub(super) fn example(method: &MethodDescriptor) -> Draft {
    let texts: &[(&str, &str)] = match method.path {
        "/UserManager/AddUser" => &[
            ("nickname", "rin"),
            ("mail_address", "rin@example.com"),
            ("user_type", "NORMAL"),
        ],
        "/UserManager/ListUsers" => &[("page_size", "3")],
        "/UserManager/GetUsersByType" => &[("user_type", "NORMAL")],
        "/posXYZ.PositionService/PositionPub" => &[
            ("position.x", "0.5"),
            ("position.y", "-1"),
            ("position.z", "0"),
        ],
        path if path.starts_with("/UserManager/") => &[("id", "1")],
        _ => &[],
    };
    let mut draft = Draft::default();
    for (path, text) in texts {
        draft.edit(path, (*text).to_owned());
    }
    draft
}

/// The fields of a request, each with what is wrong with it.
#[component]
pub(super) fn MessageForm(
    message: &'static MessageDescriptor,
    draft: RwSignal<Draft>,
    refused: RwSignal<Option<Refused>>,
    id: &'static str,
) -> impl IntoView {
    view! {
        <fieldset class="message-form">
            <legend>{message.name}</legend>
            {inputs(message).into_iter().map(|input| view! { <FieldInput input draft refused id /> }).collect_view()}
        </fieldset>
    }
}

#[component]
fn FieldInput(
    input: Input,
    draft: RwSignal<Draft>,
    refused: RwSignal<Option<Refused>>,
    id: &'static str,
) -> impl IntoView {
    let Input { path, kind } = input;
    let path = StoredValue::new(path);
    let input_id = format!("{id}-{}", path.get_value());
    let error_id = format!("{input_id}-error");
    let text = move || draft.with(|draft| path.with_value(|path| draft.text(path).to_owned()));
    let edit = move |ev| {
        draft.update(|draft| path.with_value(|path| draft.edit(path, event_target_value(&ev))));
        refused.set(None);
    };
    let error = move || {
        let refused = refused.get()?;
        (refused.path == path.get_value()).then_some(refused.sentence)
    };
    let control = match kind {
        FieldKind::Enum(values) => view! {
            <select id=input_id.clone() on:change=edit prop:value=text>
                <option value="">"not set"</option>
                {values.iter().map(|(name, _)| view! { <option value=*name>{*name}</option> }).collect_view()}
            </select>
        }
        .into_any(),
        _ => view! {
            <input
                id=input_id.clone()
                type="text"
                inputmode=if matches!(kind, FieldKind::Uint32) { "numeric" } else { "text" }
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder="not set"
                prop:value=text
                on:input=edit
                aria-invalid=move || error().is_some().to_string()
                aria-describedby=error_id.clone()
            />
        }
        .into_any(),
    };
    view! {
        <div class="field">
            <label for=input_id><code>{path.get_value()}</code></label>
            {control}
            <p id=error_id class="field-error" role="status">{error}</p>
        </div>
    }
}
