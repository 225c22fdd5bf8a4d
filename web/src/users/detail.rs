//! One user's own view.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;
use soundstage_proto::user::User;
use soundstage_proto::user_rules;

use super::edit::EditDialog;
use super::table::TypeBadge;
use super::undo::Deleted;
use super::{Addresses, Revised};
use crate::api::CallError;
use crate::ui::{Failure, Notice, Remote, RemoteData};
use crate::{api, browser};

/// The user with this id, which stands in the address and need not be a number.
#[component]
pub(super) fn UserPane(id: String) -> impl IntoView {
    browser::set_title(&format!("User {id}"));
    let addresses: Addresses = expect_context();
    let revised: Revised = expect_context();
    let heading = format!("User {id}");
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
    // The form stays as it is when the user behind it changes.
    let editing = RwSignal::new(None::<User>);
    // The same user again is no reason to draw it again.
    let user_now = Memo::new(move |_| user.get());
    let content = move || match user_now.get() {
        Remote::Loading => view! { <p class="quiet">"Loading…"</p> }.into_any(),
        Remote::Failed(error) => view! { <Failure error retry=user.retry() /> }.into_any(),
        Remote::Ready(None) => view! {
            <Notice>"Not found: no user has the id " <strong>{id.get_value()}</strong>"."</Notice>
        }
        .into_any(),
        Remote::Ready(Some(user)) => view! { <Fields user editing /> }.into_any(),
    };
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{heading}</h2>
                <A href=move || addresses.within("/users") attr:class="button quiet-button">"Close"</A>
            </div>
            <div aria-live="polite">{content}</div>
            {move || editing.get().map(|user| view! {
                <EditDialog user on_close=Callback::new(move |()| editing.set(None)) />
            })}
        </aside>
    }
}

#[component]
fn Fields(user: User, editing: RwSignal<Option<User>>) -> impl IntoView {
    let user_type = user.user_type();
    let mail_to = format!("mailto:{}", user.mail_address);
    let times = [("Created", user.created_ms), ("Changed", user.updated_ms)];
    let times = times.into_iter().filter(|(_, time)| *time > 0);
    let times = times.map(|(name, time)| {
        view! {
            <dt>{name}</dt>
            <dd>{browser::date_and_time(time)}</dd>
        }
    });
    view! {
        <dl class="fields">
            <dt>"Id"</dt>
            <dd>{user.id}</dd>
            <dt>"Nickname"</dt>
            <dd>{user.nickname.clone()}</dd>
            <dt>"Mail address"</dt>
            <dd><a href=mail_to>{user.mail_address.clone()}</a></dd>
            <dt>"Type"</dt>
            <dd><TypeBadge user_type /></dd>
            {times.collect_view()}
        </dl>
        <Actions user editing />
    }
}

/// What can be done to a user.
#[component]
fn Actions(user: User, editing: RwSignal<Option<User>>) -> impl IntoView {
    let addresses: Addresses = expect_context();
    let Deleted(deleted) = expect_context();
    let revised: Revised = expect_context();
    let navigate = use_navigate();
    let failure = RwSignal::new(None::<String>);
    let user = StoredValue::new(user);
    let delete = move |_| {
        let navigate = navigate.clone();
        browser::spawn_abortable(async move {
            let (id, revision) = user.with_value(|user| (user.id, user.revision));
            match api::delete_user(id, revision).await {
                Ok(gone) => {
                    revised.note();
                    deleted.try_set(vec![gone]);
                    navigate(
                        &untrack(|| addresses.within("/users")),
                        NavigateOptions::default(),
                    );
                }
                Err(error) => {
                    let advice = match error {
                        CallError::Stale => " This is how it is now.",
                        _ => " Nothing was deleted.",
                    };
                    failure.try_set(Some(error.sentence() + advice));
                }
            }
        });
    };
    view! {
        <div class="actions">
            <button type="button" class="button" on:click=move |_| editing.set(Some(user.get_value()))>
                "Edit"
            </button>
            <button type="button" class="button danger" on:click=delete>"Delete"</button>
        </div>
        <p class="form-failure" role="alert">{move || failure.get()}</p>
    }
}
