//! The menu of a row of the table.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use soundstage_proto::user::User;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::actions::Actions;
use super::links::Links;
use crate::browser;
use crate::language::{fill, t};

/// The id of the menu, which its buttons refer to.
const MENU_ID: &str = "user-menu";

/// The width of the menu as in the style sheet, its maximum height, and the minimum space around it, in pixels.
const WIDTH: f64 = 192.0;
const HEIGHT: f64 = 184.0;
const MARGIN: f64 = 8.0;

/// The user whose menu is open, and the lower right corner of its button, in pixels from the upper left of the window.
#[derive(Clone, Copy)]
pub(super) struct RowMenu {
    opened: RwSignal<Option<(User, f64, f64)>>,
}

impl RowMenu {
    pub(super) fn new() -> Self {
        Self {
            opened: RwSignal::new(None),
        }
    }
}

/// The button that opens the menu of a user.
#[component]
pub(super) fn MenuButton(user: User) -> impl IntoView {
    let RowMenu { opened } = expect_context();
    let label = fill("Actions for {0}", &[&user.nickname]);
    // Runs before the browser opens the menu by `popovertarget`.
    let prepare = move |event: MouseEvent| {
        let button = event.current_target();
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            let bounds = button.get_bounding_client_rect();
            opened.set(Some((user.clone(), bounds.right(), bounds.bottom())));
        }
    };
    view! {
        <button
            type="button"
            class="menu-button"
            aria-haspopup="menu"
            aria-label=label
            popovertarget=MENU_ID
            on:click=prepare
        >
            "⋯"
        </button>
    }
}

/// The menu, which all rows share.
#[component]
pub(super) fn UserMenu() -> impl IntoView {
    let RowMenu { opened } = expect_context();
    let actions: Actions = expect_context();
    let links: Links = expect_context();
    let navigate = use_navigate();
    let menu = NodeRef::<html::Div>::new();
    // Below the button and aligned to its right edge; higher up where the window ends.
    let left = move || {
        let right = opened.with(|opened| opened.as_ref().map_or(0.0, |(_, right, _)| *right));
        format!("{}px", (right - WIDTH).max(MARGIN))
    };
    let top = move || {
        let bottom = opened.with(|opened| opened.as_ref().map_or(0.0, |(.., bottom)| *bottom));
        format!(
            "{}px",
            bottom.min(browser::window_height() - HEIGHT).max(MARGIN)
        )
    };
    let choose = move |action: &dyn Fn(User)| {
        if let Some(menu) = menu.get_untracked() {
            // Fails only for a closed menu.
            let _ = menu.hide_popover();
        }
        if let Some((user, ..)) = opened.get_untracked() {
            action(user);
        }
    };
    let open = move |_| {
        choose(&|user| {
            navigate(&untrack(|| links.user(user.id)), NavigateOptions::default());
        });
    };
    let focus_first = move |_| {
        if let Some(menu) = menu.get_untracked() {
            step(&menu, 1);
        }
    };
    let key = move |event: KeyboardEvent| {
        let steps = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        if let Some(menu) = menu.get_untracked() {
            step(&menu, steps);
        }
    };
    view! {
        <div
            id=MENU_ID
            class="menu"
            popover="auto"
            role="menu"
            aria-label=t("Actions")
            node_ref=menu
            style:left=left
            style:top=top
            on:toggle=focus_first
            on:keydown=key
        >
            <button type="button" role="menuitem" on:click=open>{t("Open")}</button>
            <button type="button" role="menuitem" on:click=move |_| choose(&|user| actions.edit(user))>{t("Edit")}</button>
            <button type="button" role="menuitem" on:click=move |_| choose(&|user| actions.copy_link(user.id))>
                {t("Copy link")}
            </button>
            <button type="button" role="menuitem" class="danger" on:click=move |_| choose(&|user| actions.delete(user))>
                {t("Delete")}
            </button>
        </div>
    }
}

/// Moves the focus by so many items, and wraps around. Focuses the first item if no item has the focus.
fn step(menu: &HtmlElement, steps: i32) {
    let items = menu.children();
    let count = items.length() as i32;
    let focused = document().active_element();
    let now = (0..count).find(|index| items.item(*index as u32) == focused);
    let next = now.map_or(0, |now| (now + steps).rem_euclid(count));
    if let Some(item) = items.item(next as u32) {
        let item: HtmlElement = item.unchecked_into();
        // A visible button can take the focus.
        let _ = item.focus();
    }
}
