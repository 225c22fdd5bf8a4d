//! The menu of a row.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use soundstage_proto::user::User;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::Links;
use super::actions::Actions;
use crate::browser;
use crate::language::{fill, t};

/// What buttons name as what they open.
const MENU_ID: &str = "user-menu";

/// The width of the menu in pixels, as in `style.css`; how high it is at most, and the least that is free around it.
const WIDTH: f64 = 192.0;
const HEIGHT: f64 = 184.0;
const MARGIN: f64 = 8.0;

/// The user whose menu is open, and where its button is, in pixels from the upper left corner of the window.
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

/// Opens the menu of a user.
#[component]
pub(super) fn MenuButton(user: User) -> impl IntoView {
    let RowMenu { opened } = expect_context();
    let label = fill("Actions for {0}", &[&user.nickname]);
    // The browser opens and closes it, by `popovertarget`; this comes before.
    let prepare = move |event: MouseEvent| {
        let button = event.current_target();
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            let place = button.get_bounding_client_rect();
            opened.set(Some((user.clone(), place.right(), place.bottom())));
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

/// The one menu that all rows share.
#[component]
pub(super) fn UserMenu() -> impl IntoView {
    let RowMenu { opened } = expect_context();
    let actions: Actions = expect_context();
    let addresses: Links = expect_context();
    let navigate = use_navigate();
    let menu = NodeRef::<html::Div>::new();
    // Below the button, its right edge under the button's; higher up where there is no room.
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
            // It is open.
            let _ = menu.hide_popover();
        }
        if let Some((user, ..)) = opened.get_untracked() {
            action(user);
        }
    };
    let open = move |_| {
        choose(&|user| {
            navigate(
                &untrack(|| addresses.user(user.id)),
                NavigateOptions::default(),
            );
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
            <button type="button" role="menuitem" class="danger" on:click=move |_| choose(&|user| actions.delete(user, || ()))>
                {t("Delete")}
            </button>
        </div>
    }
}

/// Goes so many items on, round and round; to the first if none has the focus.
fn step(menu: &HtmlElement, steps: i32) {
    let items = menu.children();
    let count = items.length() as i32;
    let focused = document().active_element();
    let now = (0..count).find(|index| items.item(*index as u32) == focused);
    let next = now.map_or(0, |now| (now + steps).rem_euclid(count));
    if let Some(item) = items.item(next as u32) {
        let item: HtmlElement = item.unchecked_into();
        // It is in the document, and shown.
        let _ = item.focus();
    }
}
