//! Changing a user, and what to do when somebody else has changed it meanwhile.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use soundstage_proto::user::User;

use super::ChangeSignals;
use super::draft::{Draft, Field as Name};
use super::form::{DraftField, TypeField, focus, show_refusals};
use crate::api::{CallError, Updated};
use crate::language::{fill, t};
use crate::{api, browser};

/// The form of one user. `on_close` is called once, whatever became of it.
#[component]
pub(crate) fn EditDialog(user: User, on_close: Callback<()>) -> impl IntoView {
    let revised: ChangeSignals = expect_context();
    let dialog = NodeRef::<html::Dialog>::new();
    let heading = fill("Edit user {0}", &[&user.id.to_string()]);
    let draft = RwSignal::new(Draft::of(&user));
    // What the change is based on.
    let base = RwSignal::new(user);
    let theirs = RwSignal::new(None::<User>);
    let failure = RwSignal::new(None::<String>);
    let sending = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails only where it is open already.
            let _ = dialog.show_modal();
            focus(Name::Nickname);
        }
    });
    let send = move || {
        let mine = match draft.try_update(Draft::submit) {
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
            let answer = api::update_user(mine).await;
            if sending.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(Updated::Stored) => {
                    revised.note();
                    on_close.run(());
                }
                Ok(Updated::Stale(now)) => theirs.set(Some(now)),
                Err(CallError::NotFound) => failure.set(Some(
                    t("Somebody has deleted this user meanwhile. Nothing was changed.").into(),
                )),
                Err(CallError::InvalidFields(fields)) => show_refusals(draft, failure, &fields),
                Err(error) => {
                    failure.set(Some(fill(
                        "{0} Try again; what is typed here stays.",
                        &[&error.sentence()],
                    )));
                }
            }
        });
    };
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        send();
    };
    let keep_mine = Callback::new(move |()| {
        if let Some(now) = theirs.write().take() {
            base.set(now);
            send();
        }
    });
    let take_theirs = Callback::new(move |()| {
        if let Some(now) = theirs.write().take() {
            draft.set(Draft::of(&now));
            base.set(now);
        }
    });
    view! {
        <dialog node_ref=dialog class="dialog" aria-labelledby="edit-heading" on:close=move |_| on_close.run(())>
            <form class="stacked-form" novalidate on:submit=submit>
                <h2 id="edit-heading">{heading}</h2>
                {move || theirs.get().map(|now| view! { <Conflict now draft keep_mine take_theirs /> })}
                <DraftField draft field=Name::Nickname label=t("Nickname") hint=t("1 to 64 characters") />
                <DraftField draft field=Name::MailAddress label=t("Mail address") hint=t("Such as name@example.com") />
                <TypeField draft />
                <p class="form-failure" role="alert">{move || failure.get()}</p>
                <div class="actions">
                    <button type="submit" class="button primary" aria-disabled=move || sending.get().to_string()>
                        {move || if sending.get() { t("Saving…") } else { t("Save") }}
                    </button>
                    <button type="button" class="button" on:click=move |_| on_close.run(())>{t("Cancel")}</button>
                </div>
            </form>
        </dialog>
    }
}

/// Both versions, and which to go on with.
#[component]
fn Conflict(
    now: User,
    draft: RwSignal<Draft>,
    keep_mine: Callback<()>,
    take_theirs: Callback<()>,
) -> impl IntoView {
    let type_now = t(now.user_type().label());
    let row = move |name: &'static str, theirs: String, mine: Signal<String>| {
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{theirs}</td>
                <td>{mine}</td>
            </tr>
        }
    };
    let mine =
        move |field| Signal::derive(move || draft.with(|draft| draft.text(field).to_owned()));
    let my_type =
        Signal::derive(move || draft.with(|draft| t(draft.user_type().label()).to_owned()));
    view! {
        <div class="notice conflict" role="alert">
            <p>{t("Somebody has changed this user since you opened it.")}</p>
            <table>
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">{t("Now")}</th>
                        <th scope="col">{t("Yours")}</th>
                    </tr>
                </thead>
                <tbody>
                    {row(t("Nickname"), now.nickname, mine(Name::Nickname))}
                    {row(t("Mail address"), now.mail_address, mine(Name::MailAddress))}
                    {row(t("Type"), type_now.to_owned(), my_type)}
                </tbody>
            </table>
            <div class="actions">
                <button type="button" class="button" on:click=move |_| keep_mine.run(())>{t("Keep mine")}</button>
                <button type="button" class="button" on:click=move |_| take_theirs.run(())>{t("Take theirs")}</button>
            </div>
        </div>
    }
}
