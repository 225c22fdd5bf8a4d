//! The table of all users, page by page.

use leptos::prelude::*;
use leptos_router::components::A;
use soundstage_proto::user::{ListUsersResponse, User};

use super::pager::Pager;
use super::{Addresses, UsersChanged};
use crate::api;
use crate::ui::{Failure, Notice, Remote, RemoteData};

const PAGE_SIZE: i32 = 50;

/// All users.
#[component]
pub(super) fn AllUsers() -> impl IntoView {
    let pager = RwSignal::new(Pager::default());
    let UsersChanged(changed) = expect_context();
    let page = RemoteData::new(move || {
        changed.track();
        api::list_users(PAGE_SIZE, pager.with(|pager| pager.token().to_owned()))
    });
    move || match page.get() {
        Remote::Loading => view! { <p class="quiet" role="status">"Loading users…"</p> }.into_any(),
        Remote::Failed(error) => view! { <Failure error retry=page.retry() /> }.into_any(),
        Remote::Ready(page) if page.total_size == 0 => {
            view! { <Notice>"There are no users yet. Add the first one."</Notice> }.into_any()
        }
        Remote::Ready(ListUsersResponse {
            users,
            next_page_token,
            total_size,
            ..
        }) => {
            let shown = users.len();
            view! {
                <UserTable users />
                <PageButtons pager shown total=total_size next_page_token />
            }
            .into_any()
        }
    }
}

#[component]
fn PageButtons(
    pager: RwSignal<Pager>,
    shown: usize,
    total: u32,
    next_page_token: String,
) -> impl IntoView {
    let index = pager.with_untracked(Pager::index);
    let first = index * PAGE_SIZE as usize + 1;
    let is_last = next_page_token.is_empty();
    view! {
        <nav class="page-buttons" aria-label="Pages of users">
            <p role="status">{format!("{first}–{} of {total}", first + shown.saturating_sub(1))}</p>
            <button type="button" class="button" disabled=index == 0 on:click=move |_| pager.update(Pager::previous)>
                "Previous"
            </button>
            <button
                type="button"
                class="button"
                disabled=is_last
                on:click=move |_| pager.update(|pager| pager.next(next_page_token.clone()))
            >
                "Next"
            </button>
        </nav>
    }
}

/// These users, a row each.
#[component]
pub(super) fn UserTable(#[prop(into)] users: Signal<Vec<User>>) -> impl IntoView {
    view! {
        <table class="users-table">
            <thead>
                <tr>
                    <th scope="col" class="number">"Id"</th>
                    <th scope="col">"Nickname"</th>
                    <th scope="col">"Mail address"</th>
                    <th scope="col">"Type"</th>
                </tr>
            </thead>
            <tbody>
                <For each=move || users.get() key=|user| user.id let:user>
                    <UserRow user />
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn UserRow(user: User) -> impl IntoView {
    let user_type = user.user_type();
    let addresses: Addresses = expect_context();
    view! {
        <tr>
            <td class="number">{user.id}</td>
            <td class="name"><A href=move || addresses.user(user.id)>{user.nickname}</A></td>
            <td class="mail">{user.mail_address}</td>
            <td><TypeBadge user_type /></td>
        </tr>
    }
}

/// A user's type, as a word with a mark.
#[component]
pub(super) fn TypeBadge(user_type: soundstage_proto::UserType) -> impl IntoView {
    let class = format!("badge {}", user_type.as_str_name().to_ascii_lowercase());
    view! { <span class=class>{user_type.label()}</span> }
}
