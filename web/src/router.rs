//! The page at the browser's address, and the links that change the address without a reload.
//!
//! `leptos_router` also nests routes and renders them on a server, which this page pays for with its first load
//! (`docs/design/page-loading.md`) and does not need.

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, Event, HtmlAnchorElement, MouseEvent, UrlSearchParams};

use crate::browser;

/// The path of the page of users, which `/` leads to.
const USERS: &str = "/users";

/// A page of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// `/users`, and `/users/{pane}`.
    Users,
    Stage,
    Calls,
    Unknown,
}

impl Page {
    /// Returns the page at a path.
    pub(crate) fn at(path: &str) -> Self {
        match without_slash(path) {
            USERS => Self::Users,
            "/stage" => Self::Stage,
            "/calls" => Self::Calls,
            path if pane_at(path).is_some() => Self::Users,
            _ => Self::Unknown,
        }
    }
}

/// Returns the pane at a path, as the path has it: `3` at `/users/3`.
fn pane_at(path: &str) -> Option<&str> {
    let pane = without_slash(path).strip_prefix("/users/")?;
    let is_segment = !pane.is_empty() && !pane.contains('/');
    is_segment.then_some(pane)
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// Returns whether a link leads to the page at a path, or to a page above.
fn leads_to(href: &str, path: &str) -> bool {
    let target = href.split('?').next().unwrap_or_default();
    let rest = path.strip_prefix(target);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The address of the browser, as signals.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    path: RwSignal<String>,
    /// The query parameters with their question mark; empty if there are none.
    query: RwSignal<String>,
}

impl Router {
    /// Creates the router of the application, which follows links and the history.
    pub(crate) fn new() -> Self {
        let router = Self {
            path: RwSignal::default(),
            query: RwSignal::default(),
        };
        router.read_location();
        if router.path.with_untracked(|path| path == "/") {
            router.write_location(USERS, true);
        }
        window_event_listener_untyped("popstate", move |_| router.read_location());
        window_event_listener_untyped("click", move |event| router.follow_link(&event));
        router
    }

    /// Returns the path; tracks the path.
    pub(crate) fn path(self) -> String {
        self.path.get()
    }

    /// Returns the page; tracks the path.
    pub(crate) fn page(self) -> Page {
        self.path.with(|path| Page::at(path))
    }

    /// Returns the pane of the page of users: none, `new`, `import`, or the id of a user. Tracks the path.
    pub(crate) fn pane(self) -> Option<String> {
        self.path.with(|path| pane_at(path).map(browser::decoded))
    }

    /// Returns the value of a query parameter; tracks the query.
    pub(crate) fn parameter(self, name: &str) -> Option<String> {
        let parameters = self
            .query
            .with(|query| UrlSearchParams::new_with_str(query));
        parameters.ok()?.get(name)
    }

    /// Goes to a path of the page, and scrolls to the top.
    pub(crate) fn go(self, href: &str) {
        let href = if href == "/" { USERS } else { href };
        let current = self.path.get_untracked() + &self.query.get_untracked();
        if href != current {
            self.write_location(href, false);
        }
        window().scroll_to_with_x_and_y(0.0, 0.0);
    }

    /// Sets the query parameters, and leaves the path and the scroll position. With `replace`, Back does not return to
    /// the query before.
    pub(crate) fn set_query(self, query: &str, replace: bool) {
        self.write_location(&(self.path.get_untracked() + query), replace);
    }

    fn write_location(self, href: &str, replace: bool) {
        if let Ok(history) = window().history() {
            // Browsers ignore changes of the address, or fail, after hundreds of changes within seconds.
            let _ = if replace {
                history.replace_state_with_url(&JsValue::NULL, "", Some(href))
            } else {
                history.push_state_with_url(&JsValue::NULL, "", Some(href))
            };
        }
        self.read_location();
    }

    fn read_location(self) {
        let location = window().location();
        for (signal, now) in [
            (self.path, location.pathname()),
            (self.query, location.search()),
        ] {
            let now = now.unwrap_or_default();
            if signal.with_untracked(|before| *before != now) {
                signal.set(now);
            }
        }
    }

    /// Follows a clicked link to a page of the application. The browser follows all other links: to other sites, into
    /// another tab, to a download, and within the page.
    fn follow_link(self, event: &Event) {
        let event: &MouseEvent = event.unchecked_ref();
        let has_modifier =
            event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key();
        if has_modifier || event.button() != 0 || event.default_prevented() {
            return;
        }
        let Some(link) = link_of(event) else { return };
        let is_page = link.origin() == browser::origin()
            && link.target().is_empty()
            && link.rel() != "external"
            && !link.has_attribute("download")
            && link.hash().is_empty();
        if is_page {
            event.prevent_default();
            self.go(&(link.pathname() + &link.search()));
        }
    }
}

/// Returns the link that an event happened in.
fn link_of(event: &MouseEvent) -> Option<HtmlAnchorElement> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest("a[href]").ok()??.dyn_into().ok()
}

/// A link to a page of the application. It has `aria-current` on the page that it leads to, and on pages below.
#[component]
pub(crate) fn Link(
    #[prop(into)] href: Signal<String>,
    #[prop(optional)] class: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    let Router { path, .. } = expect_context();
    let is_current = move || href.with(|href| path.with(|path| leads_to(href, path)));
    view! {
        <a href=href class=class aria-current=move || is_current().then_some("page")>
            {children()}
        </a>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_a_page() {
        for (path, page) in [
            ("/users", Page::Users),
            ("/users/", Page::Users),
            ("/users/3", Page::Users),
            ("/users/new/", Page::Users),
            ("/stage", Page::Stage),
            ("/calls/", Page::Calls),
            ("/users/3/4", Page::Unknown),
            ("/users//", Page::Unknown),
            ("/usersx", Page::Unknown),
            ("/stage/1", Page::Unknown),
            ("/", Page::Unknown),
            ("", Page::Unknown),
        ] {
            assert_eq!(Page::at(path), page, "{path}");
        }
    }

    #[test]
    fn the_pane_is_the_last_part_of_the_path() {
        assert_eq!(pane_at("/users/3"), Some("3"));
        assert_eq!(pane_at("/users/new/"), Some("new"));
        for path in ["/users", "/users/", "/stage", "/users/3/4"] {
            assert_eq!(pane_at(path), None, "{path}");
        }
    }

    #[test]
    fn a_link_is_current_on_its_page_and_below() {
        assert!(leads_to("/users", "/users"));
        assert!(leads_to("/users", "/users/3"));
        assert!(leads_to("/users/3?search=foo", "/users/3"));
        assert!(!leads_to("/users/3", "/users"));
        assert!(!leads_to("/users/3", "/users/31"));
        assert!(!leads_to("/stage", "/users"));
        assert!(!leads_to("/", "/users"));
    }
}
