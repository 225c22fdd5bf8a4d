//! The form to add a user.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;
use soundstage_proto::user_types;

use super::draft::{Draft, Field as Name};
use super::{Addresses, UsersChanged};
use crate::api::{Added, CallError};
use crate::ui::{Control, Field};
use crate::{api, browser};

/// The form, and what became of sending it.
#[component]
pub(super) fn AddUserPane() -> impl IntoView {
    browser::set_title("Add user");
    let draft = RwSignal::new(Draft::default());
    let sending = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let UsersChanged(changed) = expect_context();
    let addresses: Addresses = expect_context();
    let navigate = use_navigate();

    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        let user = match draft.try_update(Draft::submit) {
            Some(Ok(user)) if !sending.get_untracked() => user,
            Some(Err(field)) => return focus(field),
            Some(Ok(_)) | None => return,
        };
        let navigate = navigate.clone();
        sending.set(true);
        failure.set(None);
        browser::spawn_abortable(async move {
            let answer = api::add_user(user).await;
            // The form may have been closed meanwhile; the table must know all the same.
            if let Ok(Added::Stored(_)) = &answer {
                changed.update(|changed| *changed += 1);
            }
            if sending.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(Added::Stored(user)) => navigate(
                    &untrack(|| addresses.user(user.id)),
                    NavigateOptions::default(),
                ),
                Ok(Added::AlreadyExists) => {
                    let taken = "Already exist: another user has this id. Choose another, or leave it empty.";
                    draft.update(|draft| draft.refuse_field(Name::Id, taken));
                    focus(Name::Id);
                }
                Err(CallError::InvalidFields(fields)) => show_refusals(draft, failure, &fields),
                Err(error) => failure.set(Some(format!(
                    "{} Nothing was added; try again.",
                    error.sentence()
                ))),
            }
        });
    };
    Effect::new(|_| focus(Name::Nickname));
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">"Add user"</h2>
                <A href=move || addresses.within("/users") attr:class="button quiet-button">"Close"</A>
            </div>
            // The rules are ours, with our sentences; the browser's own checks would come before them.
            <form class="stacked-form" novalidate on:submit=submit>
                <DraftField draft field=Name::Nickname label="Nickname" hint="1 to 64 characters" />
                <DraftField draft field=Name::MailAddress label="Mail address" hint="Such as name@example.com" />
                <TypeField draft />
                <DraftField draft field=Name::Id label="Id" hint="Leave it empty for the next free one" />
                <p class="form-failure" role="alert">{failure}</p>
                <button type="submit" class="button primary" aria-disabled=move || sending.get().to_string()>
                    {move || if sending.get() { "Adding…" } else { "Add user" }}
                </button>
            </form>
        </aside>
    }
}

fn show_refusals(
    draft: RwSignal<Draft>,
    failure: RwSignal<Option<String>>,
    fields: &[(String, String)],
) {
    for (field, sentence) in fields {
        let shown = draft
            .try_update(|draft| draft.refuse(field, sentence))
            .unwrap_or(true);
        if !shown {
            failure.set(Some(format!("{field}: {sentence}")));
        }
    }
}

fn focus(field: Name) {
    if let Some(input) = document().get_element_by_id(&input_id(field)) {
        let input: web_sys::HtmlElement = wasm_bindgen::JsCast::unchecked_into(input);
        // A field that cannot take the focus still shows its error.
        let _ = input.focus();
    }
}

fn input_id(field: Name) -> String {
    format!("add-{}", field.wire_name())
}

#[component]
fn DraftField(
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

#[component]
fn TypeField(draft: RwSignal<Draft>) -> impl IntoView {
    let choose = move |name: String| {
        if let Some(user_type) = user_types::parse(&name) {
            draft.update(|draft| draft.choose(user_type));
        }
    };
    let types = user_types::STORABLE.map(|user_type| (user_type.as_str_name(), user_type.label()));
    view! {
        <Field
            id="add-user_type"
            label="Type"
            control=Control::Choice(types.into())
            value=Signal::derive(move || draft.with(|draft| draft.user_type().as_str_name().to_owned()))
            on_input=Callback::new(choose)
        />
    }
}
