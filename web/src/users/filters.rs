//! The controls that filter the table.

use std::time::Duration;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use soundstage_proto::{UserType, user_types};

use super::keys::SEARCH_ID;
use super::links::SetQuery;
use super::user_query::UserQuery;
use crate::browser;
use crate::language::t;

/// The pause in typing that starts a search.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// The search field, which searches while the reader types.
#[component]
pub(super) fn Search(query: Memo<UserQuery>) -> impl IntoView {
    let SetQuery(set_query) = expect_context();
    let text = RwSignal::new(query.with_untracked(|query| query.search.clone()));
    // Links and the browser's Back change the query too.
    Effect::new(move |_| {
        let search = query.with(|query| query.search.clone());
        if text.with_untracked(|text| text.trim() != search) {
            text.set(search);
        }
    });
    let search = move |search: String| {
        let query = query.get_untracked();
        if query.search != search {
            set_query.run(UserQuery { search, ..query });
        }
    };
    Effect::new(move |before: Option<String>| {
        let text = text.get();
        let is_typed = before.is_some_and(|before| before != text);
        if is_typed {
            let text = text.trim().to_owned();
            browser::spawn_scoped(async move {
                browser::sleep(DEBOUNCE).await;
                search(text);
            });
        }
        text
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        search(text.get_untracked().trim().to_owned());
    };
    view! {
        <form class="search" role="search" on:submit=submit>
            <label class="field inline">
                <span>{t("Search")}</span>
                <input
                    id=SEARCH_ID
                    type="search"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder=t("Nickname, mail address or ID")
                    maxlength="254"
                    bind:value=text
                />
            </label>
        </form>
    }
}

/// The user types, to show only some.
#[component]
pub(super) fn TypeFilter(query: Memo<UserQuery>) -> impl IntoView {
    let SetQuery(set_query) = expect_context();
    let toggle = move |user_type: UserType| {
        let is_chosen =
            Memo::new(move |_| query.with(|query| query.user_types.contains(&user_type)));
        view! {
            <button
                type="button"
                class="toggle"
                aria-pressed=move || is_chosen.get().to_string()
                on:click=move |_| set_query.run(query.get_untracked().toggle(user_type))
            >
                {t(user_type.label())}
            </button>
        }
    };
    view! {
        <div class="toggles" role="group" aria-label=t("Types")>
            {user_types::STORABLE.map(toggle).collect_view()}
        </div>
    }
}
