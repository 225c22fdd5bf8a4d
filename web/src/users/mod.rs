//! The users: the table of all, and beside it one of them or the form to add one.

mod actions;
mod add;
mod data;
mod deletion;
mod detail;
mod draft;
mod edit;
mod export;
mod form;
mod import;
mod keys;
mod live;
mod menu;
mod parts;
mod rows;
mod scroll;
mod selection;
mod table;
mod user_query;
mod viewport;

use std::time::Duration;

use leptos::ev::DragEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_location, use_navigate, use_params_map, use_query_map};
use soundstage_proto::{UserType, user_types};

use crate::browser;
use crate::language::t;

use actions::Actions;
use deletion::DeletionNotice;
use export::{ExportChoice, Source};
use menu::{RowMenu, UserMenu};
use parts::{LazyAddUserPane, LazyEditDialog, LazyImportPane, LazyUserPane, preload_panes};
use selection::{Selection, SelectionBar};
use table::UserTable;
use user_query::UserQuery;

pub(crate) use import::{ImportStatus, Importing};

/// How long somebody must have stopped typing before the search begins.
const TYPED: Duration = Duration::from_millis(200);

/// When users were changed.
#[derive(Clone, Copy)]
struct ChangeSignals {
    /// Counts the times that anybody did; several changes in a row are one.
    by_anybody: RwSignal<u32>,
    /// Counts the times that it was done here, and is to be seen at once.
    here: RwSignal<u32>,
}

impl ChangeSignals {
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
struct ShowView(Callback<UserQuery>);

/// The addresses within this page, which keep the view that the table has.
#[derive(Clone, Copy)]
struct Links {
    view: Memo<UserQuery>,
}

impl Links {
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
    browser::set_title(t("Users"));
    let params = use_params_map();
    // Nothing, `new`, `import`, or the id of the user who is shown.
    let pane = Memo::new(move |_| params.with(|params| params.get("pane")));
    let query = use_query_map();
    let view = Memo::new(move |_| query.with(|query| UserQuery::read(|name| query.get(name))));
    let addresses = Links { view };
    let navigate = use_navigate();
    let path = use_location().pathname;
    let show = Callback::new(move |view: UserQuery| {
        let options = NavigateOptions {
            scroll: false,
            ..Default::default()
        };
        let address = path.get_untracked() + &browser::query(&view.write());
        navigate(&address, options);
    });
    let revised = ChangeSignals::new();
    let importing: Importing = expect_context();
    let actions = Actions::new(addresses, revised);
    let editing = actions.editing;
    provide_context(revised);
    provide_context(ShowView(show));
    provide_context(actions);
    provide_context(RowMenu::new());
    provide_context(Selection::new());
    provide_context(addresses);
    let is_dragged_over = RwSignal::new(false);
    let drag_over = move |event: DragEvent| {
        if browser::has_files(&event) {
            event.prevent_default();
            is_dragged_over.set(true);
        }
    };
    let navigate = use_navigate();
    let take_file = move |event: DragEvent| {
        event.prevent_default();
        is_dragged_over.set(false);
        if let Some(file) = browser::dropped_file(&event) {
            importing.dropped.set(Some(file));
            let import = untrack(|| addresses.within("/users/import"));
            navigate(&import, NavigateOptions::default());
        }
    };
    view! {
        <div
            class="users-page"
            class:dragged-over=is_dragged_over
            on:pointerenter=move |_| preload_panes()
            on:focusin=move |_| preload_panes()
            on:dragover=drag_over
            on:dragleave=move |_| is_dragged_over.set(false)
            on:drop=take_file
        >
            <section class="users-list" aria-labelledby="users-heading">
                <div class="page-head">
                    <h1 id="users-heading">{t("Users")}</h1>
                    <div class="actions">
                        <A href=move || addresses.within("/users/import") attr:class="button">{t("Import")}</A>
                        <ExportChoice source=Source::Query(view) />
                        <A href=move || addresses.within("/users/new") attr:class="button primary">{t("Add user")}</A>
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
                None => ().into_any(),
                Some("new") => view! { <LazyAddUserPane /> }.into_any(),
                Some("import") => view! { <LazyImportPane /> }.into_any(),
                Some(id) => view! { <LazyUserPane id=id.to_owned() /> }.into_any(),
            }}
            <UserMenu />
            {move || editing.get().map(|user| view! {
                <LazyEditDialog user on_close=Callback::new(move |()| editing.set(None)) />
            })}
            <DeletionNotice deletion=actions.deletion />
        </div>
    }
}

/// Searches while somebody types.
#[component]
fn Search(view: Memo<UserQuery>) -> impl IntoView {
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
            show.run(UserQuery {
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
                <span>{t("Search")}</span>
                <input
                    id=keys::SEARCH_ID
                    type="search"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder=t("Nickname, mail address or id")
                    maxlength="254"
                    bind:value=text
                />
            </label>
        </form>
    }
}

/// Which types are shown.
#[component]
fn Types(view: Memo<UserQuery>) -> impl IntoView {
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
