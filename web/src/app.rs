//! Frame around the pages: header, navigation, language, banners and routes.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos_router::components::{A, FlatRoutes, Redirect, Route, Router};
use leptos_router::path;

use crate::browser;
use crate::language::{Language, t};
use crate::parts::{LazyCalls, LazyStage};
use crate::ui::Notice;
use crate::users::{self, ServiceStatus, UsersPage};

/// The application. A change of language redraws it at the same address.
#[component]
pub(crate) fn App() -> impl IntoView {
    let language = RwSignal::new(Language::current());
    users::provide_services();
    move || {
        language.track();
        view! { <Frame language /> }
    }
}

#[component]
fn Frame(language: RwSignal<Language>) -> impl IntoView {
    // The router handles clicks on links, and does not move the focus.
    let skip = |event: MouseEvent| {
        event.prevent_default();
        browser::focus("main");
    };
    view! {
        <Router>
            <a class="skip-link" href="#main" on:click=skip>{t("Skip to content")}</a>
            <header class="top-bar">
                <A href="/" attr:class="brand"><BrandMark /><span>"Soundstage"</span></A>
                <nav aria-label=t("Pages")>
                    <A href="/users">{t("Users")}</A>
                    <A href="/stage">{t("Stage")}</A>
                    <A href="/calls">{t("Calls")}</A>
                </nav>
                <LanguageButton language />
            </header>
            <OfflineBanner />
            <ServiceStatus />
            <main id="main" tabindex="-1">
                <FlatRoutes fallback=PageNotFound>
                    <Route path=path!("/") view=|| view! { <Redirect path="/users" /> } />
                    <Route path=path!("/users/:pane?") view=UsersPage />
                    <Route path=path!("/stage") view=LazyStage />
                    <Route path=path!("/calls") view=LazyCalls />
                </FlatRoutes>
            </main>
        </Router>
    }
}

/// Button that switches to the other language.
#[component]
fn LanguageButton(language: RwSignal<Language>) -> impl IntoView {
    let other = Language::current().other();
    let failed = RwSignal::new(false);
    let change = move |_| {
        browser::spawn_abortable(async move {
            if other.activate().await {
                other.remember();
                language.set(other);
            } else {
                failed.try_set(true);
            }
        });
    };
    view! {
        <button type="button" class="button quiet-button language" lang=other.tag() on:click=change>
            {other.name()}
        </button>
        <span class="visually-hidden" role="status">
            {move || failed.get().then(|| t("The language could not be loaded. Try again."))}
        </span>
    }
}

/// Banner shown while the device has no network. Streams and reads retry by themselves.
#[component]
fn OfflineBanner() -> impl IntoView {
    let offline = browser::device_is_offline();
    view! {
        <p class="banner offline" role="status">
            {move || offline.get().then(|| t("You are offline. This page may be out of date."))}
        </p>
    }
}

/// Mark of the product: the same drawing as `web/icon.svg`.
#[component]
fn BrandMark() -> impl IntoView {
    view! {
        <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" class="brand-ground" />
            <circle cx="16" cy="16" r="9" class="brand-circle" />
            <circle cx="16" cy="16" r="2.5" class="brand-listener" />
            <circle cx="22.4" cy="9.6" r="4" class="brand-character" />
        </svg>
    }
}

#[component]
fn PageNotFound() -> impl IntoView {
    browser::set_title(t("Page not found"));
    view! {
        <div class="single-column">
            <h1>{t("Page not found")}</h1>
            <Notice>{t("Check the address for mistakes.")} " " <A href="/users">{t("Go to Users")}</A></Notice>
        </div>
    }
}
