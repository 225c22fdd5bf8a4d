//! The form for a message of any type.

use leptos::prelude::*;
use soundstage_formats::FieldError;
use soundstage_proto::descriptor::{FieldKind, MessageDescriptor, MethodDescriptor};

use super::draft::{Draft, Input, inputs};
use crate::language::t;
use crate::ui::{Control, Field};

/// Returns an example request of a method, so that the first click makes a useful call.
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
        "/UserManager/ImportUsers" => &[
            ("user.nickname", "rin"),
            ("user.mail_address", "rin@example.com"),
            ("user.user_type", "NORMAL"),
        ],
        "/UserManager/GetUsersByType" => &[("user_type", "NORMAL")],
        "/posXYZ.PositionService/PositionPub" => &[
            ("position.x", "0.5"),
            ("position.y", "-1"),
            ("position.z", "0"),
        ],
        // The source keeps its character over several joins.
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

/// The fields of a request, with their errors.
#[component]
pub(super) fn MessageForm(
    message: &'static MessageDescriptor,
    draft: RwSignal<Draft>,
    field_error: RwSignal<Option<FieldError>>,
    id: &'static str,
) -> impl IntoView {
    view! {
        <fieldset class="message-form">
            <legend>{message.name}</legend>
            {inputs(message).into_iter().map(|input| view! { <FieldInput input draft field_error id /> }).collect_view()}
        </fieldset>
    }
}

/// One field with its error.
#[component]
fn FieldInput(
    input: Input,
    draft: RwSignal<Draft>,
    field_error: RwSignal<Option<FieldError>>,
    id: &'static str,
) -> impl IntoView {
    let path = StoredValue::new(input.path);
    let edit = move |text| {
        draft.update(|draft| path.with_value(|path| draft.edit(path, text)));
        field_error.set(None);
    };
    let error = move || {
        let error = field_error.get()?;
        (error.field == path.get_value()).then_some(error.description)
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
