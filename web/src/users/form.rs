//! The fields of the forms that add and edit a user. The page shows one such form at a time.

use leptos::prelude::*;
use soundstage_proto::user_types;

use super::draft::{Draft, Field as Name};
use crate::api::CallError;
use crate::browser;
use crate::language::t;
use crate::ui::{Control, Field};

/// Shows the server's errors at their fields, and errors of other fields below the form.
pub(super) fn show_field_errors(
    draft: RwSignal<Draft>,
    failure: RwSignal<Option<String>>,
    mut errors: Vec<(String, String)>,
) {
    draft.update(|draft| {
        errors.retain(|(name, description)| match Name::from_wire_name(name) {
            Some(field) => {
                draft.reject(field, description);
                false
            }
            None => true,
        });
    });
    if !errors.is_empty() {
        failure.set(Some(CallError::InvalidFields(errors).sentence()));
    }
}

/// Focuses a field, if it exists.
pub(super) fn focus(field: Name) {
    browser::focus(&input_id(field));
}

fn input_id(field: Name) -> String {
    format!("user-{}", field.wire_name())
}

/// The fields of a user; the id only for a new user.
#[component]
pub(super) fn UserFields(draft: RwSignal<Draft>, with_id: bool) -> impl IntoView {
    let id = with_id.then(|| {
        let hint = t("Leave it empty to get the next free ID");
        view! { <DraftField draft field=Name::Id label=t("ID") hint /> }
    });
    view! {
        <DraftField draft field=Name::Nickname label=t("Nickname") hint=t("1 to 64 characters") />
        <DraftField draft field=Name::MailAddress label=t("Mail address") hint=t("For example, name@example.com") />
        <TypeField draft />
        {id}
    }
}

#[component]
fn DraftField(
    draft: RwSignal<Draft>,
    field: Name,
    label: &'static str,
    hint: &'static str,
) -> impl IntoView {
    let edit = move |text| draft.update(|draft| draft.edit(field, text));
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
            error=Memo::new(move |_| draft.with(|draft| draft.error(field))).into()
        />
    }
}

#[component]
fn TypeField(draft: RwSignal<Draft>) -> impl IntoView {
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
