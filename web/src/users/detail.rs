//! One user's own view.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;
use soundstage_proto::user::User;
use soundstage_proto::user_rules;

use super::actions::Actions;
use super::table::TypeBadge;
use super::{ChangeSignals, Links};
use crate::language::{fill, t};
use crate::ui::{Failure, Notice, Remote, RemoteData};
use crate::{api, browser};

/// The user with this id, which stands in the address and need not be a number.
#[component]
pub(crate) fn UserPane(id: String) -> impl IntoView {
    let heading = fill("User {0}", &[&id]);
    browser::set_title(&heading);
    let addresses: Links = expect_context();
    let revised: ChangeSignals = expect_context();
    let parsed = user_rules::parse_id(&id);
    let id = StoredValue::new(id);
    let user = RemoteData::new(move || {
        revised.by_anybody.track();
        revised.here.track();
        async move {
            match parsed {
                Ok(id) => api::get_user(id).await,
                // What is no id is nobody's.
                Err(_) => Ok(None),
            }
        }
    });
    // The same user again is no reason to draw it again.
    let user_now = Memo::new(move |_| user.get());
    let content = move || match user_now.get() {
        Remote::Loading => view! { <p class="quiet">{t("Loading…")}</p> }.into_any(),
        Remote::Failed(error) => view! { <Failure error retry=user.retry() /> }.into_any(),
        Remote::Ready(None) => view! {
            <Notice>{id.with_value(|id| fill("Not found: no user has the id {0}.", &[id]))}</Notice>
        }
        .into_any(),
        Remote::Ready(Some(user)) => view! { <Fields user /> }.into_any(),
    };
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{heading}</h2>
                <A href=move || addresses.within("/users") attr:class="button quiet-button">{t("Close")}</A>
            </div>
            <div aria-live="polite">{content}</div>
        </aside>
    }
}

#[component]
fn Fields(user: User) -> impl IntoView {
    let user_type = user.user_type();
    let mail_to = format!("mailto:{}", user.mail_address);
    let times = [
        (t("Created"), user.created_ms),
        (t("Changed"), user.updated_ms),
    ];
    let times = times.into_iter().filter(|(_, time)| *time > 0);
    let times = times.map(|(name, time)| {
        view! {
            <dt>{name}</dt>
            <dd>{browser::date_and_time(time)}</dd>
        }
    });
    view! {
        <dl class="fields">
            <dt>{t("Id")}</dt>
            <dd>{user.id}</dd>
            <dt>{t("Nickname")}</dt>
            <dd>{user.nickname.clone()}</dd>
            <dt>{t("Mail address")}</dt>
            <dd><a href=mail_to>{user.mail_address.clone()}</a></dd>
            <dt>{t("Type")}</dt>
            <dd><TypeBadge user_type /></dd>
            {times.collect_view()}
        </dl>
        <ActionButtons user />
    }
}

/// What can be done to a user.
#[component]
fn ActionButtons(user: User) -> impl IntoView {
    let addresses: Links = expect_context();
    let actions: Actions = expect_context();
    let navigate = use_navigate();
    let user = StoredValue::new(user);
    let delete = move |_| {
        let navigate = navigate.clone();
        actions.delete(user.get_value(), move || {
            let users = untrack(|| addresses.within("/users"));
            navigate(&users, NavigateOptions::default());
        });
    };
    view! {
        <div class="actions">
            <button type="button" class="button" on:click=move |_| actions.edit(user.get_value())>{t("Edit")}</button>
            <button type="button" class="button" on:click=move |_| actions.copy_link(user.with_value(|user| user.id))>
                {t("Copy link")}
            </button>
            <A href=format!("/stage?user={}", user.with_value(|user| user.id)) attr:class="button">{t("To the stage")}</A>
            <button type="button" class="button danger" on:click=delete>{t("Delete")}</button>
        </div>
    }
}
