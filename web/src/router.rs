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

/// Returns true if a link leads to the page at `path`, or to a parent path.
fn leads_to(href: &str, path: &str) -> bool {
    let (target, _) = split_query(href);
    let rest = path.strip_prefix(target);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Splits a path and its query. The query keeps its question mark; it is empty if there is none.
fn split_query(href: &str) -> (&str, &str) {
    href.split_at(href.find('?').unwrap_or(href.len()))
}

/// The address of the page, as signals.
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
            // Browsers refuse changes of the address after 100 to 200 within seconds: some throw, Chromium ignores the
            // change. The page follows in either case.
            let _ = if replace {
                history.replace_state_with_url(&JsValue::NULL, "", Some(href))
            } else {
                history.push_state_with_url(&JsValue::NULL, "", Some(href))
            };
        }
        let (path, query) = split_query(href);
        self.set(path, query);
    }

    fn read_location(self) {
        let location = window().location();
        let path = location.pathname().unwrap_or_default();
        let query = location.search().unwrap_or_default();
        self.set(&path, &query);
    }

    /// Sets each signal whose value changes.
    fn set(self, path: &str, query: &str) {
        for (signal, now) in [(self.path, path), (self.query, query)] {
            if signal.with_untracked(|before| before != now) {
                signal.set(now.to_owned());
            }
        }
    }

    /// Follows a clicked link to a page of the application. The browser follows all other links: to other sites, to
    /// other documents of this server, into another tab, to a download, and within the page.
    fn follow_link(self, event: &Event) {
        let event: &MouseEvent = event.unchecked_ref();
        let has_modifier =
            event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key();
        if has_modifier || event.button() != 0 || event.default_prevented() {
            return;
        }
        let Some(link) = link_of(event) else { return };
        let path = link.pathname();
        let is_page = link.origin() == browser::origin()
            && (path == "/" || Page::at(&path) != Page::Unknown)
            && link.target().is_empty()
            && !link.has_attribute("download")
            && link.hash().is_empty();
        if is_page {
            event.prevent_default();
            self.go(&(path + &link.search()));
        }
    }
}

/// Returns the link that an event happened in.
fn link_of(event: &MouseEvent) -> Option<HtmlAnchorElement> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest("a[href]").ok()??.dyn_into().ok()
}

/// A link to a page of the application. Has `aria-current` if it leads to the page at the current path, or to a parent
/// path.
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
            ("//host/users", Page::Unknown),
            ("//users", Page::Unknown),
            ("/metrics", Page::Unknown),
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
    fn a_query_begins_at_the_first_question_mark() {
        assert_eq!(split_query("/users"), ("/users", ""));
        assert_eq!(split_query("/users/3?a=b?c"), ("/users/3", "?a=b?c"));
        assert_eq!(split_query(""), ("", ""));
    }

    #[test]
    fn a_link_is_current_at_its_path_and_at_paths_within() {
        assert!(leads_to("/users", "/users"));
        assert!(leads_to("/users", "/users/3"));
        assert!(leads_to("/users/3?search=foo", "/users/3"));
        assert!(!leads_to("/users/3", "/users"));
        assert!(!leads_to("/users/3", "/users/31"));
        assert!(!leads_to("/stage", "/users"));
        assert!(!leads_to("/", "/users"));
    }
}
