//! What the forms for a user are made of; there is one such form at a time.

use leptos::prelude::*;
use soundstage_proto::user_types;

use super::draft::{Draft, Field as Name};
use crate::browser;
use crate::language::{t, translated};
use crate::ui::{Control, Field};

/// Shows what the server has refused, each at its field.
pub(super) fn show_refusals(
    draft: RwSignal<Draft>,
    failure: RwSignal<Option<String>>,
    fields: &[(String, String)],
) {
    for (field, sentence) in fields {
        let shown = draft
            .try_update(|draft| draft.refuse(field, sentence))
            .unwrap_or(true);
        if !shown {
            failure.set(Some(format!("{field}: {}", translated(sentence))));
        }
    }
}

/// Goes to a field.
pub(super) fn focus(field: Name) {
    // A field that cannot take the focus still shows its error.
    browser::focus(&input_id(field));
}

fn input_id(field: Name) -> String {
    format!("user-{}", field.wire_name())
}

/// A field with a text.
#[component]
pub(super) fn DraftField(
    draft: RwSignal<Draft>,
    field: Name,
    label: &'static str,
    hint: &'static str,
) -> impl IntoView {
    let edit = move |text| {
        draft.update(|draft| {
            draft.edit(field, text);
            // Said while typing, once there is something to check.
            draft.touch(field);
        });
    };
    let control = match field {
        Name::Id => Control::NUMBER,
        Name::Nickname => Control::TEXT,
        Name::MailAddress => Control::Text("email", "email"),
    };
    view! {
        <Field
            id=input_id(field)
            label
            hint
            control
            value=Signal::derive(move || draft.with(|draft| draft.text(field).to_owned()))
            on_input=Callback::new(edit)
            on_leave=Callback::new(move |()| draft.update(|draft| draft.touch(field)))
            error=Memo::new(move |_| draft.with(|draft| draft.error(field))).into()
        />
    }
}

/// The choice of a type.
#[component]
pub(super) fn TypeField(draft: RwSignal<Draft>) -> impl IntoView {
    let choose = move |name: String| {
        if let Some(user_type) = user_types::parse(&name) {
            draft.update(|draft| draft.choose(user_type));
        }
    };
    let types =
        user_types::STORABLE.map(|user_type| (user_type.as_str_name(), t(user_type.label())));
    view! {
        <Field
            id="user-user_type"
            label=t("Type")
            control=Control::Choice(types.into())
            value=Signal::derive(move || draft.with(|draft| draft.user_type().as_str_name().to_owned()))
            on_input=Callback::new(choose)
        />
    }
}
