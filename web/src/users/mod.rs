//! The users: the table of all, and beside it one of them or the form to add one.

mod add;
mod detail;
mod draft;
mod filtered;
mod pager;
mod table;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_location, use_navigate, use_params_map, use_query_map};
use soundstage_proto::{UserType, user_rules, user_types};

use crate::browser;
use crate::ui::Notice;

use add::AddUserPane;
use detail::UserPane;
use filtered::UsersOfType;
use table::AllUsers;

/// Tells the tables that a user was added.
#[derive(Clone, Copy)]
struct UsersChanged(RwSignal<u32>);

/// The addresses within this page, which keep the filter that the table has.
#[derive(Clone, Copy)]
struct Addresses {
    filter: Memo<Option<UserType>>,
}

impl Addresses {
    /// Where a user's own view is.
    fn user(self, id: u32) -> String {
        self.within(&format!("/users/{id}"))
    }

    /// The address of one of this page's views; tracks the filter.
    fn within(self, path: &str) -> String {
        let name = self
            .filter
            .get()
            .map(|user_type| format!("?type={}", user_type.as_str_name()));
        format!("{path}{}", name.unwrap_or_default())
    }
}

/// The page of users.
#[component]
pub(crate) fn UsersPage() -> impl IntoView {
    browser::set_title("Users");
    let params = use_params_map();
    // Nothing, `new`, or the id of the user who is shown.
    let pane = Memo::new(move |_| params.with(|params| params.get("pane")));
    let query = use_query_map();
    let filter =
        Memo::new(move |_| query.with(|query| query.get_str("type").and_then(user_types::parse)));
    let addresses = Addresses { filter };
    provide_context(UsersChanged(RwSignal::new(0)));
    provide_context(addresses);
    view! {
        <div class="users-page">
            <section class="users-list" aria-labelledby="users-heading">
                <div class="page-head">
                    <h1 id="users-heading">"Users"</h1>
                    <A href=move || addresses.within("/users/new") attr:class="button primary">"Add user"</A>
                </div>
                <div class="toolbar">
                    <TypeFilter filter />
                    <FindById />
                </div>
                {move || match filter.get() {
                    None => view! { <AllUsers /> }.into_any(),
                    Some(user_type) => view! { <UsersOfType user_type /> }.into_any(),
                }}
            </section>
            {move || match pane.get().as_deref() {
                None => view! { <NoUserPane /> }.into_any(),
                Some("new") => view! { <AddUserPane /> }.into_any(),
                Some(id) => view! { <UserPane id=id.to_owned() /> }.into_any(),
            }}
        </div>
    }
}

/// Beside the table while no user is chosen.
#[component]
fn NoUserPane() -> impl IntoView {
    view! {
        <aside class="pane empty-pane">
            <Notice>"Choose a user to see more, or add one."</Notice>
        </aside>
    }
}

/// Which type is shown; it stands in the address, so that a view can be shared and Back works.
#[component]
fn TypeFilter(filter: Memo<Option<UserType>>) -> impl IntoView {
    let navigate = use_navigate();
    let path = use_location().pathname;
    let choose = move |ev| {
        let name = event_target_value(&ev);
        let path = path.get_untracked();
        let query = if name.is_empty() {
            String::new()
        } else {
            format!("?type={name}")
        };
        navigate(
            &format!("{path}{query}"),
            NavigateOptions {
                scroll: false,
                ..Default::default()
            },
        );
    };
    view! {
        <label class="field inline">
            <span>"Type"</span>
            <select
                on:change=choose
                prop:value=move || filter.get().map_or("", |user_type| user_type.as_str_name())
            >
                <option value="">"All"</option>
                {user_types::STORABLE.map(|user_type| view! {
                    <option value=user_type.as_str_name()>{user_type.label()}</option>
                })}
            </select>
        </label>
    }
}

/// Opens the user with an id.
#[component]
fn FindById() -> impl IntoView {
    let navigate = use_navigate();
    let addresses: Addresses = expect_context();
    let text = RwSignal::new(String::new());
    let error = RwSignal::new(None::<&'static str>);
    let find = move |ev: SubmitEvent| {
        ev.prevent_default();
        match user_rules::parse_id(&text.get_untracked()) {
            Ok(0) => error.set(Some("Enter an id.")),
            Ok(id) => {
                error.set(None);
                navigate(&untrack(|| addresses.user(id)), NavigateOptions::default());
            }
            Err(sentence) => error.set(Some(sentence)),
        }
    };
    view! {
        <form class="find" role="search" on:submit=find>
            <label class="field inline">
                <span>"Find by id"</span>
                <input
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    size="10"
                    bind:value=text
                    aria-invalid=move || error.get().is_some().to_string()
                    aria-describedby="find-error"
                />
            </label>
            <button type="submit" class="button">"Find"</button>
            <p id="find-error" class="field-error" role="status">{move || error.get()}</p>
        </form>
    }
}
