//! Keys: in the table, and everywhere on the page of users.

#![expect(
    clippy::unnecessary_wraps,
    reason = "loading can fail, around the marked function"
)]

use leptos::ev::{self, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast as _;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{Element, HtmlElement};

use super::Links;
use super::actions::Actions;
use super::rows::Rows;
use super::selection::Selection;
use super::viewport::Viewport;
use crate::browser;
use crate::language::{key, t};
use crate::lazy::lazily;

/// What finds users; `/` goes there.
pub(super) const SEARCH_ID: &str = "search-users";

/// Under which the browser keeps that single letters are to do nothing.
const STORED: &str = "single-keys";
const OFF: &str = "off";

/// The keys and what they do, as they are listed.
const SHORTCUTS: [(&str, &str); 10] = [
    ("/", key("Search")),
    ("n", key("Add user")),
    ("i", key("Import users")),
    ("?", key("Keyboard shortcuts")),
    ("↑ ↓ PgUp PgDn Home End", key("Go through the rows")),
    ("Enter", key("Open the row's user")),
    (
        "Space",
        key("Select the row; with Shift, all from the last one to it"),
    ),
    ("e", key("Edit the row's user")),
    ("Del", key("Delete the row's user")),
    ("Shift F10", key("Open the row's menu")),
];

/// Goes through the rows of a table with the keys, and does to them what the keys say.
#[derive(Clone)]
pub(super) struct RowKeys<N> {
    viewport: Viewport,
    rows: RwSignal<Rows>,
    selection: Selection,
    actions: Actions,
    addresses: Links,
    navigate: N,
}

/// The keys of a table.
pub(super) fn row_keys(
    viewport: Viewport,
    rows: RwSignal<Rows>,
) -> impl Fn(KeyboardEvent) + Clone + 'static {
    let keys = RowKeys {
        viewport,
        rows,
        selection: expect_context(),
        actions: expect_context(),
        addresses: expect_context(),
        navigate: use_navigate(),
    };
    move |event| keys.pressed(&event)
}

impl<N: Fn(&str, NavigateOptions) + Clone> RowKeys<N> {
    fn pressed(&self, event: &KeyboardEvent) {
        let target = target_of(event);
        let row = target
            .as_ref()
            .and_then(|target| target.closest("tbody tr[aria-rowindex]").ok()?);
        let is_row = row.is_some() && row == target;
        // The heading is counted as the first.
        let number = row.as_ref().and_then(|row| {
            let index: u32 = row.get_attribute("aria-rowindex")?.parse().ok()?;
            index.checked_sub(2)
        });
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let is_done = self.go(event, number)
            || match (number, &row) {
                (Some(number), Some(row)) => self.act(event, number, row, is_row),
                _ => false,
            };
        if is_done {
            event.prevent_default();
        }
    }

    /// Goes to another row, if that is what the key says.
    fn go(&self, event: &KeyboardEvent, number: Option<u32>) -> bool {
        let end = self.rows.with_untracked(Rows::extent);
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
            // It is drawn by then.
            request_animation_frame(move || {
                focus_row(target);
            });
        }
        true
    }

    /// Does something to a row, if that is what the key says. What is in the row has keys of its own.
    fn act(&self, event: &KeyboardEvent, number: u32, row: &Element, is_row: bool) -> bool {
        let Some(user) = self.rows.with_untracked(|rows| rows.row(number)) else {
            return false;
        };
        let user = user.user;
        match event.key().as_str() {
            "Enter" if is_row => {
                let address = untrack(|| self.addresses.user(user.id));
                (self.navigate)(&address, NavigateOptions::default());
            }
            " " if is_row => self.selection.toggle(self.rows, number, event.shift_key()),
            "e" => self.actions.edit(user),
            "Delete" => self.actions.delete(user, || ()),
            "F10" if event.shift_key() => open_menu(row),
            "ContextMenu" => open_menu(row),
            _ => return false,
        }
        true
    }
}

/// Whether the row is in the document, and has the focus now.
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

/// The keys that work everywhere on this page, and the way to the list of all.
#[component]
pub(super) fn Shortcuts() -> impl IntoView {
    let addresses: Links = expect_context();
    let navigate = use_navigate();
    let is_listed = RwSignal::new(false);
    let pressed = window_event_listener(ev::keydown, move |event| {
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
        if has_modifier || is_for_another(&event) || !are_single_keys_on() {
            return;
        }
        let go = |path| {
            navigate(
                &untrack(|| addresses.within(path)),
                NavigateOptions::default(),
            );
        };
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

/// Dialog with the list of keys, as a part.
#[component]
fn LazyShortcutsDialog(on_close: Callback<()>) -> impl IntoView {
    lazily(move || shortcuts_dialog(on_close))
}

#[wasm_split(panes, fallible)]
fn shortcuts_dialog(on_close: Callback<()>) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <ShortcutsDialog on_close /> }.into_any())
}

/// The list of all keys, and whether single letters are among them.
#[component]
fn ShortcutsDialog(on_close: Callback<()>) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails only where it is open already.
            let _ = dialog.show_modal();
        }
    });
    let is_on = RwSignal::new(are_single_keys_on());
    Effect::new(move |_| browser::store(STORED, if is_on.get() { "on" } else { OFF }));
    let row = |(keys, what): (&'static str, &'static str)| {
        view! {
            <div>
                <dt><kbd>{keys}</kbd></dt>
                <dd>{t(what)}</dd>
            </div>
        }
    };
    view! {
        <dialog node_ref=dialog class="dialog" aria-labelledby="shortcuts-heading" on:close=move |_| on_close.run(())>
            <form method="dialog" class="stacked-form">
                <h2 id="shortcuts-heading">{t("Keyboard shortcuts")}</h2>
                <dl class="shortcuts">{SHORTCUTS.map(row)}</dl>
                <label class="check">
                    <input type="checkbox" bind:checked=is_on />
                    {t("Single letters work outside the table as well")}
                </label>
                <button type="submit" class="button">{t("Close")}</button>
            </form>
        </dialog>
    }
}

/// Some people speak to their computer, and a word is many letters.
fn are_single_keys_on() -> bool {
    browser::stored(STORED).as_deref() != Some(OFF)
}

/// Whether the key goes to something that has its own use for it.
fn is_for_another(event: &KeyboardEvent) -> bool {
    let busy = "input, textarea, select, dialog, [role=menu]";
    let target = target_of(event).and_then(|target| target.closest(busy).ok().flatten());
    target.is_some()
}
