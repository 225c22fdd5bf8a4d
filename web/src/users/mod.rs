//! The page of users: the table, and beside it a user, the form that adds a user, or the import.

mod actions;
mod add;
mod changes;
mod connection_notice;
mod data;
mod deletion;
mod detail;
mod draft;
mod edit;
mod export;
mod filters;
mod form;
mod import;
mod keys;
mod links;
mod live;
mod menu;
mod parts;
mod rows;
mod selection;
mod selection_bar;
mod services;
mod table;
mod type_badge;
mod type_dialog;
mod user_query;
mod viewport;

use leptos::ev::DragEvent;
use leptos::prelude::*;

use crate::browser;
use crate::language::t;
use crate::router::{Link, Router};

use actions::Actions;
use export::{ExportChoice, Source};
use filters::{Search, TypeFilter};
use import::Imports;
use links::{Links, SetQuery};
use menu::{RowMenu, UserMenu};
use parts::{
    LazyAddUserPane, LazyEditDialog, LazyImportPane, LazySelectionBar, LazyUserPane, preload_panes,
};
use table::UserTable;
use user_query::UserQuery;

pub(crate) use services::{ServiceStatus, provide_services};

/// The page of users.
#[component]
pub(crate) fn UsersPage() -> impl IntoView {
    browser::set_title(t("Users"));
    let router: Router = expect_context();
    let pane = Memo::new(move |_| router.pane());
    let query = Memo::new(move |_| UserQuery::from_parameters(|name| router.parameter(name)));
    let links = Links::new(query);
    let actions = Actions::new(links);
    let editing = actions.editing;
    provide_context(links);
    provide_context(actions);
    provide_context(set_query(router, query));
    provide_context(RowMenu::new());
    let imports: Imports = expect_context();
    let is_dragged_over = RwSignal::new(false);
    let drag_over = move |event: DragEvent| {
        if browser::has_files(&event) {
            event.prevent_default();
            is_dragged_over.set(true);
        }
    };
    let drop_file = move |event: DragEvent| {
        // The search accepts text.
        if !browser::has_files(&event) {
            return;
        }
        event.prevent_default();
        is_dragged_over.set(false);
        if let Some(file) = browser::dropped_file(&event) {
            imports.drop_file(file);
            router.go(&untrack(|| links.within("/users/import")));
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
            on:drop=drop_file
        >
            <section class="users-list" aria-labelledby="users-heading">
                <div class="page-head">
                    <h1 id="users-heading">{t("Users")}</h1>
                    <div class="actions">
                        <Link href=move || links.within("/users/import") class="button">{t("Import")}</Link>
                        <ExportChoice source=Source::Query(query) />
                        <Link href=move || links.within("/users/new") class="button primary">{t("Add user")}</Link>
                    </div>
                </div>
                <div class="toolbar">
                    <Search query />
                    <TypeFilter query />
                </div>
                <LazySelectionBar />
                <UserTable query />
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
        </div>
    }
}

/// Returns the callback that puts a query into the address, and leaves the path and the scroll position.
/// Further typing in the search replaces the entry of the history, so that Back leaves the search at once.
fn set_query(router: Router, current: Memo<UserQuery>) -> SetQuery {
    SetQuery(Callback::new(move |query: UserQuery| {
        let before = current.with_untracked(|current| current.search.clone());
        let is_typing = !before.is_empty() && before != query.search;
        router.set_query(&browser::query(&query.to_parameters()), is_typing);
    }))
}
