//! The pane that shows a user.

use leptos::prelude::*;
use soundstage_proto::user::User;
use soundstage_proto::user_rules;

use super::actions::Actions;
use super::changes::ChangeSignals;
use super::deletion::Deletions;
use super::links::Links;
use super::type_badge::TypeBadge;
use crate::language::{fill, t};
use crate::router::{Link, Router};
use crate::ui::{Failure, Notice, Remote, RemoteData};
use crate::{api, browser};

/// The user with this id, which is part of the address and may be any text.
#[component]
pub(super) fn UserPane(id: String) -> impl IntoView {
    let heading = fill("User {0}", &[&id]);
    browser::set_title(&heading);
    let links: Links = expect_context();
    let changes: ChangeSignals = expect_context();
    let deletions: Deletions = expect_context();
    let parsed = user_rules::parse_id(&id);
    let id = StoredValue::new(id);
    let user = RemoteData::new(move || {
        changes.by_anyone.track();
        changes.local.track();
        async move {
            match parsed {
                Ok(id) => api::get_user(id).await,
                Err(_) => Ok(None),
            }
        }
    });
    let router: Router = expect_context();
    deletions.on_gone(parsed.unwrap_or_default(), move || {
        router.go(&untrack(|| links.within("/users")));
    });
    // An equal user need not be rendered again, and the buttons of a changed user stay, so that they keep the focus.
    let current = Memo::new(move |_| user.get());
    let known = Memo::new(move |_| match current.get() {
        Remote::Ready(user) => user,
        Remote::Loading | Remote::Failed(_) => None,
    });
    let shown = Memo::new(move |_| match current.get() {
        Remote::Ready(user) => Remote::Ready(user.is_some()),
        Remote::Loading => Remote::Loading,
        Remote::Failed(error) => Remote::Failed(error),
    });
    let content = move || match shown.get() {
        Remote::Ready(true) => {
            let user = Memo::new(move |_| known.get().unwrap_or_default());
            view! { <Details user /> }.into_any()
        }
        Remote::Ready(false) => view! {
            <Notice>{id.with_value(|id| fill("No user has the ID {0}.", &[id]))}</Notice>
        }
        .into_any(),
        Remote::Failed(error) => view! { <Failure error retry=user.retry() /> }.into_any(),
        Remote::Loading => view! { <p class="quiet">{t("Loading…")}</p> }.into_any(),
    };
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{heading}</h2>
                <Link href=move || links.within("/users") class="button quiet-button">{t("Close")}</Link>
            </div>
            <div aria-live="polite">{content}</div>
        </aside>
    }
}

#[component]
fn Details(user: Memo<User>) -> impl IntoView {
    // One type of closure for all texts, which keeps the program small.
    let text = move |of: fn(&User) -> String| move || user.with(of);
    let time = move |name: &'static str, of: fn(&User) -> i64| {
        move || {
            let time = Some(user.with(of)).filter(|time| *time > 0);
            time.map(|time| view! { <dt>{name}</dt><dd>{browser::date_and_time(time)}</dd> })
        }
    };
    view! {
        <dl class="fields">
            <dt>{t("ID")}</dt>
            <dd>{text(|user| user.id.to_string())}</dd>
            <dt>{t("Nickname")}</dt>
            <dd>{text(|user| user.nickname.clone())}</dd>
            <dt>{t("Mail address")}</dt>
            <dd>
                <a href=text(|user| format!("mailto:{}", user.mail_address))>
                    {text(|user| user.mail_address.clone())}
                </a>
            </dd>
            <dt>{t("Type")}</dt>
            <dd>{move || view! { <TypeBadge user_type=user.with(User::user_type) /> }}</dd>
            {time(t("Created"), |user| user.created_ms)}
            {time(t("Changed"), |user| user.updated_ms)}
        </dl>
        <ActionButtons user />
    }
}

#[component]
fn ActionButtons(user: Memo<User>) -> impl IntoView {
    let actions: Actions = expect_context();
    let id = user.with_untracked(|user| user.id);
    view! {
        <div class="actions">
            <button type="button" class="button" on:click=move |_| actions.edit(user.get_untracked())>{t("Edit")}</button>
            <button type="button" class="button" on:click=move |_| actions.copy_link(id)>{t("Copy link")}</button>
            <Link href=format!("/stage?user={id}") class="button">{t("Go to the stage")}</Link>
            <button
                type="button"
                class="button danger"
                on:click=move |_| actions.delete_clicked(user.get_untracked())
            >
                {t("Delete")}
            </button>
        </div>
    }
}
