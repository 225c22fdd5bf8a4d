//! A form for a message of any type.

use leptos::prelude::*;
use soundstage_proto::descriptor::{FieldKind, MessageDescriptor, MethodDescriptor};

use super::draft::{Draft, Input, Refused, inputs};
use crate::language::t;
use crate::ui::{Control, Field};

/// A message to begin with, so that the first click does something.
pub(super) fn example(method: &MethodDescriptor) -> Draft {
    let texts: &[(&str, &str)] = match method.path {
        "/UserManager/AddUser" => &[
            ("nickname", "rin"),
            ("mail_address", "rin@example.com"),
            ("user_type", "NORMAL"),
        ],
        "/UserManager/UpdateUser" => &[
            ("user.id", "3"),
            ("user.nickname", "foo bar"),
            ("update_mask", "nickname"),
        ],
        "/UserManager/DeleteUser" => &[("id", "6")],
        "/UserManager/ListUsers" => &[("page_size", "3")],
        "/UserManager/GetUsersByType" => &[("user_type", "NORMAL")],
        "/posXYZ.PositionService/PositionPub" => &[
            ("position.x", "0.5"),
            ("position.y", "-1"),
            ("position.z", "0"),
        ],
        // Sent again, the same source goes on with the character it has.
        "/posXYZ.PositionService/PositionSync" => &[
            ("joins.name", "Ann"),
            ("joins.source", "calls"),
            ("samples.position.x", "1"),
            ("samples.position.y", "1"),
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
    let path = StoredValue::new(input.path);
    let edit = move |text| {
        draft.update(|draft| path.with_value(|path| draft.edit(path, text)));
        refused.set(None);
    };
    let error = move || {
        let refused = refused.get()?;
        (refused.path == path.get_value()).then_some(refused.sentence)
    };
    let control = match input.kind {
        FieldKind::Enum(values) if !input.repeated => {
            let names = values.iter().map(|(name, _)| (*name, *name));
            Control::Choice(std::iter::once(("", t("not set"))).chain(names).collect())
        }
        FieldKind::Uint32 => Control::NUMBER,
        _ => Control::TEXT,
    };
    view! {
        <Field
            id=format!("{id}-{}", path.get_value())
            label=path.get_value()
            placeholder=t("not set")
            control
            value=Signal::derive(move || draft.with(|draft| path.with_value(|path| draft.text(path).to_owned())))
            on_input=Callback::new(edit)
            error=Signal::derive(error)
        />
    }
}
