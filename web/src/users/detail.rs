//! One user's own view.

use leptos::prelude::*;
use leptos_router::components::A;
use soundstage_proto::user::User;
use soundstage_proto::user_rules;

use super::Addresses;
use super::table::TypeBadge;
use crate::ui::{Failure, Notice, Remote, RemoteData};
use crate::{api, browser};

/// The user with this id, which stands in the address and need not be a number.
#[component]
pub(super) fn UserPane(id: String) -> impl IntoView {
    browser::set_title(&format!("User {id}"));
    let addresses: Addresses = expect_context();
    let heading = format!("User {id}");
    let parsed = user_rules::parse_id(&id);
    let id = StoredValue::new(id);
    let user = RemoteData::new(move || async move {
        match parsed {
            Ok(id) => api::get_user(id).await,
            // What is no id is nobody's.
            Err(_) => Ok(None),
        }
    });
    let content = move || match user.get() {
        Remote::Loading => view! { <p class="quiet">"Loading…"</p> }.into_any(),
        Remote::Failed(error) => view! { <Failure error retry=user.retry() /> }.into_any(),
        Remote::Ready(None) => view! {
            <Notice>"Not found: no user has the id " <strong>{id.get_value()}</strong>"."</Notice>
        }
        .into_any(),
        Remote::Ready(Some(user)) => view! { <Fields user /> }.into_any(),
    };
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{heading}</h2>
                <A href=move || addresses.within("/users") attr:class="button quiet-button">"Close"</A>
            </div>
            <div aria-live="polite">{content}</div>
        </aside>
    }
}

#[component]
fn Fields(user: User) -> impl IntoView {
    let user_type = user.user_type();
    let mail_to = format!("mailto:{}", user.mail_address);
    view! {
        <dl class="fields">
            <dt>"Id"</dt>
            <dd>{user.id}</dd>
            <dt>"Nickname"</dt>
            <dd>{user.nickname}</dd>
            <dt>"Mail address"</dt>
            <dd><a href=mail_to>{user.mail_address}</a></dd>
            <dt>"Type"</dt>
            <dd><TypeBadge user_type /></dd>
        </dl>
    }
}
