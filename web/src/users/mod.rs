//! The users: the table of all, and beside it one of them or the form to add one.

mod add;
mod data;
mod detail;
mod draft;
mod edit;
mod export;
mod form;
mod live;
mod rows;
mod scroll;
mod selection;
mod table;
mod undo;
mod view;
mod viewport;

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_location, use_navigate, use_params_map, use_query_map};
use soundstage_proto::{UserType, user_types};

use crate::browser;
use crate::ui::Notice;

use add::AddUserPane;
use detail::UserPane;
use export::ExportButton;
use selection::{Selection, SelectionBar};
use table::UserTable;
use undo::{Deleted, UndoNotice};
use view::View;

/// How long somebody must have stopped typing before the search begins.
const TYPED: Duration = Duration::from_millis(200);

/// When users were changed.
#[derive(Clone, Copy)]
struct Revised {
    /// Counts the times that anybody did; several changes in a row are one.
    by_anybody: RwSignal<u32>,
    /// Counts the times that it was done here, and is to be seen at once.
    here: RwSignal<u32>,
}

impl Revised {
    fn new() -> Self {
        Self {
            by_anybody: RwSignal::new(0),
            here: RwSignal::new(0),
        }
    }

    /// It was done here; to be called once the server has said so.
    fn note(self) {
        self.here.try_update(|here| *here += 1);
    }
}

/// Shows another view, which then stands in the address.
#[derive(Clone, Copy)]
struct ShowView(Callback<View>);

/// The addresses within this page, which keep the view that the table has.
#[derive(Clone, Copy)]
struct Addresses {
    view: Memo<View>,
}

impl Addresses {
    /// Where a user's own view is.
    fn user(self, id: u32) -> String {
        self.within(&format!("/users/{id}"))
    }

    /// The address of one of this page's views; tracks the table's.
    fn within(self, path: &str) -> String {
        let query = self.view.with(|view| browser::query(&view.write()));
        format!("{path}{query}")
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
    let view = Memo::new(move |_| query.with(|query| View::read(|name| query.get(name))));
    let addresses = Addresses { view };
    let navigate = use_navigate();
    let path = use_location().pathname;
    let show = Callback::new(move |view: View| {
        let options = NavigateOptions {
            scroll: false,
            ..Default::default()
        };
        let address = path.get_untracked() + &browser::query(&view.write());
        navigate(&address, options);
    });
    provide_context(Revised::new());
    provide_context(ShowView(show));
    provide_context(Deleted(RwSignal::new(Vec::new())));
    provide_context(Selection::new());
    provide_context(addresses);
    view! {
        <div class="users-page">
            <section class="users-list" aria-labelledby="users-heading">
                <div class="page-head">
                    <h1 id="users-heading">"Users"</h1>
                    <div class="actions">
                        <ExportButton view />
                        <A href=move || addresses.within("/users/new") attr:class="button primary">"Add user"</A>
                    </div>
                </div>
                <div class="toolbar">
                    <Search view />
                    <Types view />
                </div>
                <SelectionBar />
                <UserTable view />
            </section>
            {move || match pane.get().as_deref() {
                None => view! { <NoUserPane /> }.into_any(),
                Some("new") => view! { <AddUserPane /> }.into_any(),
                Some(id) => view! { <UserPane id=id.to_owned() /> }.into_any(),
            }}
            <UndoNotice />
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

/// Searches while somebody types.
#[component]
fn Search(view: Memo<View>) -> impl IntoView {
    let ShowView(show) = expect_context();
    let text = RwSignal::new(view.with_untracked(|view| view.search.clone()));
    // The address may change otherwise too: with Back, or a link.
    Effect::new(move |_| {
        let searched = view.with(|view| view.search.clone());
        if text.with_untracked(|text| text.trim() != searched) {
            text.set(searched);
        }
    });
    let search = move |text: String| {
        let shown = view.get_untracked();
        if shown.search != text {
            show.run(View {
                search: text,
                ..shown
            });
        }
    };
    Effect::new(move |before: Option<String>| {
        let text = text.get();
        let is_typed = before.is_some_and(|before| before != text);
        if is_typed {
            let text = text.trim().to_owned();
            browser::spawn_scoped(async move {
                browser::sleep(TYPED).await;
                search(text);
            });
        }
        text
    });
    view! {
        <form
            class="search"
            role="search"
            on:submit=move |ev| {
                ev.prevent_default();
                search(text.get_untracked().trim().to_owned());
            }
        >
            <label class="field inline">
                <span>"Search"</span>
                <input
                    type="search"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="Nickname, mail address or id"
                    maxlength="254"
                    bind:value=text
                />
            </label>
        </form>
    }
}

/// Which types are shown.
#[component]
fn Types(view: Memo<View>) -> impl IntoView {
    let ShowView(show) = expect_context();
    let toggle = move |user_type: UserType| {
        let is_chosen = Memo::new(move |_| view.with(|view| view.user_types.contains(&user_type)));
        let choose = move |_| show.run(view.get_untracked().toggled(user_type));
        view! {
            <button
                type="button"
                class="toggle"
                aria-pressed=move || is_chosen.get().to_string()
                on:click=choose
            >
                {user_type.label()}
            </button>
        }
    };
    view! {
        <div class="toggles" role="group" aria-label="Types">
            {user_types::STORABLE.map(toggle).collect_view()}
        </div>
    }
}
