//! Menus, each opened by a button.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::number::pixels;
use crate::browser;

/// The width of a menu as in the style sheet, its maximum height, and the minimum space around it, in pixels.
const WIDTH: f64 = 192.0;
const HEIGHT: f64 = 184.0;
const MARGIN: f64 = 8.0;

/// The lower right corner of the button of a menu, in pixels from the upper left of the window.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Corner {
    right: f64,
    bottom: f64,
}

impl Corner {
    /// Returns the corner of the button that was clicked.
    pub(crate) fn of_clicked(event: &MouseEvent) -> Self {
        let button = event.current_target();
        let button = button.and_then(|button| button.dyn_into::<HtmlElement>().ok());
        let bounds = button.map(|button| button.get_bounding_client_rect());
        bounds.map_or_else(Self::default, |bounds| Self {
            right: bounds.right(),
            bottom: bounds.bottom(),
        })
    }
}

/// A menu; its children are the items. A button opens the menu by `popovertarget`.
#[component]
pub(crate) fn Menu(
    id: &'static str,
    label: &'static str,
    corner: RwSignal<Corner>,
    #[prop(optional)] menu: NodeRef<html::Div>,
    children: Children,
) -> impl IntoView {
    // Below the button and aligned to its right edge; higher up where the window ends.
    let left = move || pixels((corner.get().right - WIDTH).max(MARGIN));
    let top = move || {
        let lowest = browser::window_height() - HEIGHT;
        pixels(corner.get().bottom.min(lowest).max(MARGIN))
    };
    let move_focus = move |key: &str| {
        let Some(menu) = menu.get_untracked() else {
            return;
        };
        let items = menu.children();
        let count = items.length() as i32;
        let focused = document().active_element();
        let now = (0..count).find(|index| items.item(*index as u32) == focused);
        let target = match (key, now) {
            ("ArrowDown", Some(now)) => now + 1,
            ("ArrowUp", Some(now)) => now - 1,
            ("End", _) => count - 1,
            _ => 0,
        };
        let item = items.item(target.rem_euclid(count.max(1)) as u32);
        if let Some(item) = item.and_then(|item| item.dyn_into::<HtmlElement>().ok()) {
            // A visible button can take the focus.
            let _ = item.focus();
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let key = event.key();
        if matches!(key.as_str(), "ArrowDown" | "ArrowUp" | "Home" | "End") {
            event.prevent_default();
            move_focus(&key);
        }
    };
    view! {
        <div
            id=id
            class="menu"
            popover="auto"
            role="menu"
            aria-label=label
            node_ref=menu
            style:left=left
            style:top=top
            on:toggle=move |_| move_focus("Home")
            on:keydown=on_key
        >
            {children()}
        </div>
    }
    .into_any()
}

/// Closes a menu; the focus returns to its button.
pub(crate) fn close_menu(menu: NodeRef<html::Div>) {
    if let Some(menu) = menu.get_untracked() {
        // Fails only for a closed menu.
        let _ = menu.hide_popover();
    }
}

/// A button that opens a menu of choices, each a value and its name.
#[component]
pub(crate) fn MenuButton(
    id: &'static str,
    label: &'static str,
    choices: Vec<(&'static str, &'static str)>,
    on_choose: Callback<&'static str>,
) -> impl IntoView {
    let corner = RwSignal::new(Corner::default());
    let menu = NodeRef::new();
    let item = move |(value, name): (&'static str, &'static str)| {
        let choose = move |_| {
            close_menu(menu);
            on_choose.run(value);
        };
        view! { <button type="button" role="menuitem" on:click=choose>{name}</button> }
    };
    view! {
        <button
            type="button"
            class="button"
            aria-haspopup="menu"
            popovertarget=id
            on:click=move |event| corner.set(Corner::of_clicked(&event))
        >
            {label}
        </button>
        <Menu id label corner menu>{choices.into_iter().map(item).collect_view()}</Menu>
    }
    .into_any()
}
