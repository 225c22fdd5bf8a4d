//! The menu of a row of the table.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use soundstage_proto::user::User;

use super::actions::Actions;
use super::links::Links;
use crate::language::{fill, t};
use crate::router::Router;
use crate::ui::{Corner, Menu, close_menu};

/// The id of the menu, which its buttons refer to.
const MENU_ID: &str = "user-menu";

/// The user whose menu is open, and the corner of its button.
#[derive(Clone, Copy)]
pub(super) struct RowMenu {
    opened: RwSignal<Option<User>>,
    corner: RwSignal<Corner>,
}

impl RowMenu {
    pub(super) fn new() -> Self {
        Self {
            opened: RwSignal::new(None),
            corner: RwSignal::default(),
        }
    }
}

/// The button that opens the menu of a user.
#[component]
pub(super) fn UserMenuButton(user: Memo<User>) -> impl IntoView {
    let RowMenu { opened, corner } = expect_context();
    // Runs before the browser opens the menu by `popovertarget`.
    let prepare = move |event: MouseEvent| {
        opened.set(Some(user.get_untracked()));
        corner.set(Corner::of_clicked(&event));
    };
    view! {
        <button
            type="button"
            class="menu-button"
            aria-haspopup="menu"
            aria-label=move || user.with(|user| fill("Actions for {0}", &[&user.nickname]))
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
    let RowMenu { opened, corner } = expect_context();
    let actions: Actions = expect_context();
    let links: Links = expect_context();
    let router: Router = expect_context();
    let menu = NodeRef::new();
    let choose = move |action: &dyn Fn(User)| {
        close_menu(menu);
        if let Some(user) = opened.get_untracked() {
            action(user);
        }
    };
    let open = move |_| choose(&|user| router.go(&untrack(|| links.user(user.id))));
    view! {
        <Menu id=MENU_ID label=t("Actions") corner menu>
            <button type="button" role="menuitem" on:click=open>{t("Open")}</button>
            <button type="button" role="menuitem" on:click=move |_| choose(&|user| actions.edit(user))>{t("Edit")}</button>
            <button type="button" role="menuitem" on:click=move |_| choose(&|user| actions.copy_link(user.id))>
                {t("Copy link")}
            </button>
            <button type="button" role="menuitem" class="danger" on:click=move |_| choose(&|user| actions.delete(user))>
                {t("Delete")}
            </button>
        </Menu>
    }
}
