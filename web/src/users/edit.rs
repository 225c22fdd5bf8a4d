//! The dialog that edits a user, and resolves a conflict with another change.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use soundstage_proto::user::User;

use super::changes::ChangeSignals;
use super::draft::{Draft, Field as Name};
use super::form::{UserFields, focus, show_field_errors};
use crate::api::{CallError, Updated};
use crate::language::{fill, t};
use crate::ui::{Dialog, close_dialog};
use crate::{api, browser};

/// The dialog. `on_close` is called once, when the reader saves or cancels.
#[component]
pub(super) fn EditDialog(user: User, on_close: Callback<()>) -> impl IntoView {
    let changes: ChangeSignals = expect_context();
    let heading = fill("Edit user {0}", &[&user.id.to_string()]);
    let draft = RwSignal::new(Draft::of(&user));
    // The version that the reader edits.
    let base = RwSignal::new(user);
    let conflict = RwSignal::new(None::<User>);
    let failure = RwSignal::new(None::<String>);
    let sending = RwSignal::new(false);
    let dialog = NodeRef::new();
    let send = move || {
        let user = match draft.try_update(Draft::submit) {
            Some(Ok(user)) if !sending.get_untracked() => User {
                revision: base.with_untracked(|base| base.revision),
                ..user
            },
            Some(Err(field)) => return focus(field),
            Some(Ok(_)) | None => return,
        };
        sending.set(true);
        failure.set(None);
        browser::spawn_abortable(async move {
            let outcome = api::update_user(user).await;
            if let Ok(Updated::Stored) = &outcome {
                changes.notify();
            }
            let is_closed = sending.try_set(false).is_some();
            if is_closed {
                return;
            }
            match outcome {
                Ok(Updated::Stored) => close_dialog(dialog),
                Ok(Updated::Stale(current)) => conflict.set(Some(current)),
                Err(CallError::NotFound) => failure.set(Some(
                    t("Someone else has deleted this user. Your changes were not saved.").into(),
                )),
                Err(CallError::InvalidFields(fields)) => {
                    show_field_errors(draft, failure, fields);
                }
                Err(error) => {
                    failure.set(Some(fill(
                        "{0} Your input is kept. Try again.",
                        &[&error.sentence()],
                    )));
                }
            }
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let keep_yours = Callback::new(move |()| {
        if let Some(current) = conflict.write().take() {
            base.set(current);
            send();
        }
    });
    let use_theirs = Callback::new(move |()| {
        if let Some(current) = conflict.write().take() {
            draft.set(Draft::of(&current));
            base.set(current);
        }
    });
    view! {
        <Dialog heading_id="edit-heading" on_close dialog>
            <form class="stacked-form" novalidate on:submit=submit>
                <h2 id="edit-heading">{heading}</h2>
                {move || conflict.get().map(|current| view! { <Conflict current draft keep_yours use_theirs /> })}
                <UserFields draft with_id=false />
                <p class="form-failure" role="alert">{move || failure.get()}</p>
                <div class="actions">
                    <button type="submit" class="button primary" aria-disabled=move || sending.get().to_string()>
                        {move || if sending.get() { t("Saving…") } else { t("Save") }}
                    </button>
                    <button type="button" class="button" on:click=move |_| close_dialog(dialog)>{t("Cancel")}</button>
                </div>
            </form>
        </Dialog>
    }
}

/// Both versions side by side, and the choice between them.
#[component]
fn Conflict(
    /// The stored version, by someone else.
    current: User,
    draft: RwSignal<Draft>,
    keep_yours: Callback<()>,
    use_theirs: Callback<()>,
) -> impl IntoView {
    let their_type = t(current.user_type().label());
    let row = move |name: &'static str, theirs: String, mine: Signal<String>| {
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{theirs}</td>
                <td>{mine}</td>
            </tr>
        }
    };
    let my_text =
        move |field| Signal::derive(move || draft.with(|draft| draft.text(field).to_owned()));
    let my_type =
        Signal::derive(move || draft.with(|draft| t(draft.user_type().label()).to_owned()));
    view! {
        <div class="notice conflict" role="alert">
            <p>{t("Someone else has changed this user since you opened it. Choose a version.")}</p>
            <table>
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">{t("Theirs")}</th>
                        <th scope="col">{t("Yours")}</th>
                    </tr>
                </thead>
                <tbody>
                    {row(t("Nickname"), current.nickname, my_text(Name::Nickname))}
                    {row(t("Mail address"), current.mail_address, my_text(Name::MailAddress))}
                    {row(t("Type"), their_type.to_owned(), my_type)}
                </tbody>
            </table>
            <div class="actions">
                <button type="button" class="button" on:click=move |_| keep_yours.run(())>{t("Keep yours")}</button>
                <button type="button" class="button" on:click=move |_| use_theirs.run(())>{t("Use theirs")}</button>
            </div>
        </div>
    }
}
