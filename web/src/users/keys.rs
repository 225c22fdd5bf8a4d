//! Keys that work in the table, and shortcuts that work everywhere on the page of users.

#![expect(
    clippy::unnecessary_wraps,
    reason = "loading can fail, around the marked function"
)]

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{Element, HtmlElement};

use super::actions::Actions;
use super::data::Table;
use super::links::Links;
use super::rows::Rows;
use super::selection::Selection;
use super::viewport::Viewport;
use crate::browser;
use crate::language::{key, t};
use crate::lazy::lazily;
use crate::router::Router;
use crate::ui::Dialog;

/// The id of the search field, which `/` focuses.
pub(super) const SEARCH_ID: &str = "search-users";

/// The name of the setting in the browser's storage, and its value when shortcuts are off.
const SETTING: &str = "single-keys";
const OFF: &str = "off";

/// The keys and their actions, as the dialog lists them.
const SHORTCUTS: [(&str, &str); 10] = [
    ("/", key("Search")),
    ("n", key("Add user")),
    ("i", key("Import users")),
    ("?", key("Keyboard shortcuts")),
    ("↑ ↓ PgUp PgDn Home End", key("Move between rows")),
    ("Enter", key("Open the user of the row")),
    ("Space", key("Select the row; with Shift, a range of rows")),
    ("e", key("Edit the user of the row")),
    ("Del", key("Delete the user of the row")),
    ("Shift F10", key("Open the menu of the row")),
];

/// The handler of the keys in the table: moves the focus between rows, and acts on the focused row.
#[derive(Clone, Copy)]
pub(super) struct RowKeys {
    viewport: Viewport,
    table: Table,
    selection: Selection,
    actions: Actions,
    links: Links,
    router: Router,
}

/// Returns the handler of the keys in a table.
pub(super) fn row_keys(
    viewport: Viewport,
    table: Table,
) -> impl Fn(KeyboardEvent) + Copy + 'static {
    let keys = RowKeys {
        viewport,
        table,
        selection: expect_context(),
        actions: expect_context(),
        links: expect_context(),
        router: expect_context(),
    };
    move |event| keys.on_key(&event)
}

impl RowKeys {
    fn on_key(&self, event: &KeyboardEvent) {
        let target = target_of(event);
        let row = target
            .as_ref()
            .and_then(|target| target.closest("tbody tr[aria-rowindex]").ok()?);
        let is_row = row.is_some() && row == target;
        // `aria-rowindex` counts from 1, and counts the heading.
        let number = row.as_ref().and_then(|row| {
            let index: u32 = row.get_attribute("aria-rowindex")?.parse().ok()?;
            index.checked_sub(2)
        });
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let is_done = self.move_focus(event, number)
            || match (number, &row) {
                (Some(number), Some(row)) => self.act(event, number, row, is_row),
                _ => false,
            };
        if is_done {
            event.prevent_default();
        }
    }

    /// Moves the focus to another row. Returns false for a key with another meaning.
    fn move_focus(&self, event: &KeyboardEvent, number: Option<u32>) -> bool {
        let end = self.table.rows.with_untracked(Rows::extent);
        let page = self.viewport.page().saturating_sub(2).max(1);
        let target = match (event.key().as_str(), number) {
            _ if end == 0 => return false,
            ("ArrowDown", Some(number)) => number + 1,
            ("ArrowUp", Some(number)) => number.saturating_sub(1),
            ("PageDown", Some(number)) => number + page,
            ("PageUp", Some(number)) => number.saturating_sub(page),
            ("Home", Some(_)) => 0,
            ("End", Some(_)) => end,
            ("ArrowDown" | "ArrowUp", None) => self.viewport.top_row(),
            _ => return false,
        };
        let target = target.min(end - 1);
        self.viewport.reveal(target);
        if !focus_row(target) {
            // The row is rendered by the next frame.
            request_animation_frame(move || {
                focus_row(target);
            });
        }
        true
    }

    /// Acts on a row. Returns false for a key with another meaning. Enter and Space act only if the row itself has the
    /// focus: the controls in the row use them too.
    fn act(&self, event: &KeyboardEvent, number: u32, row: &Element, is_row: bool) -> bool {
        let Some(user) = self.table.rows.with_untracked(|rows| rows.row(number)) else {
            return false;
        };
        let user = user.user;
        match event.key().as_str() {
            "Enter" if is_row => {
                self.router.go(&untrack(|| self.links.user(user.id)));
            }
            " " if is_row => self.selection.toggle(self.table, number, event.shift_key()),
            "e" => self.actions.edit(user),
            // A key held down must not delete the rows that move up.
            "Delete" if !event.repeat() => self.actions.delete(user),
            "F10" if event.shift_key() => open_menu(row),
            "ContextMenu" => open_menu(row),
            _ => return false,
        }
        true
    }
}

/// Focuses a row. Returns false if the row is not rendered.
fn focus_row(number: u32) -> bool {
    let selector = format!("tr[aria-rowindex=\"{}\"]", number + 2);
    let row = document().query_selector(&selector).ok().flatten();
    let row = row.and_then(|row| row.dyn_into::<HtmlElement>().ok());
    row.is_some_and(|row| row.focus().is_ok())
}

fn target_of(event: &KeyboardEvent) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

fn open_menu(row: &Element) {
    let button = row.query_selector(".menu-button").ok().flatten();
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        button.click();
    }
}

/// The shortcuts, and the button that lists all keys.
#[component]
pub(super) fn Shortcuts() -> impl IntoView {
    let links: Links = expect_context();
    let router: Router = expect_context();
    let is_listed = RwSignal::new(false);
    let pressed = window_event_listener(ev::keydown, move |event| {
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
        if has_modifier || has_own_keys(&event) || !are_shortcuts_on() {
            return;
        }
        let go = |path| router.go(&untrack(|| links.within(path)));
        match event.key().as_str() {
            "/" => browser::focus(SEARCH_ID),
            "n" => go("/users/new"),
            "i" => go("/users/import"),
            "?" => is_listed.set(true),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || pressed.remove());
    view! {
        <button type="button" class="button quiet-button shortcuts-button" on:click=move |_| is_listed.set(true)>
            {t("Keyboard shortcuts")}
        </button>
        {move || is_listed.get().then(|| view! {
            <LazyShortcutsDialog on_close=Callback::new(move |()| is_listed.set(false)) />
        })}
    }
}

/// The dialog with the list of keys, loaded as a part.
#[component]
fn LazyShortcutsDialog(on_close: Callback<()>) -> impl IntoView {
    lazily(move || shortcuts_dialog(on_close))
}

#[wasm_split(panes, fallible)]
fn shortcuts_dialog(on_close: Callback<()>) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <ShortcutsDialog on_close /> }.into_any())
}

/// The list of all keys, and the setting that turns the shortcuts off.
#[component]
fn ShortcutsDialog(on_close: Callback<()>) -> impl IntoView {
    let is_on = RwSignal::new(are_shortcuts_on());
    Effect::new(move |_| browser::store(SETTING, if is_on.get() { "on" } else { OFF }));
    let row = |(keys, action): (&'static str, &'static str)| {
        view! {
            <div>
                <dt><kbd>{keys}</kbd></dt>
                <dd>{t(action)}</dd>
            </div>
        }
    };
    view! {
        <Dialog heading_id="shortcuts-heading" on_close>
            <form method="dialog" class="stacked-form">
                <h2 id="shortcuts-heading">{t("Keyboard shortcuts")}</h2>
                <dl class="shortcuts">{SHORTCUTS.map(row)}</dl>
                <label class="check">
                    <input type="checkbox" bind:checked=is_on />
                    {t("Use single-letter shortcuts outside the table")}
                </label>
                <button type="submit" class="button">{t("Close")}</button>
            </form>
        </Dialog>
    }
}

/// Returns whether shortcuts are on. Readers who dictate turn them off: a spoken word arrives as single letters.
fn are_shortcuts_on() -> bool {
    browser::stored(SETTING).as_deref() != Some(OFF)
}

/// Returns whether the focused element uses keys itself, such as a text field.
fn has_own_keys(event: &KeyboardEvent) -> bool {
    let busy = "input, textarea, select, dialog, [role=menu]";
    let target = target_of(event).and_then(|target| target.closest(busy).ok().flatten());
    target.is_some()
}
