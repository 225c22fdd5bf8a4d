//! Frame around the pages: header, navigation, language and banners.

use leptos::ev::MouseEvent;
use leptos::prelude::*;

use crate::browser;
use crate::language::{Language, t};
use crate::parts::{LazyCalls, LazyStage};
use crate::router::{Link, Page, Router};
use crate::ui::Notice;
use crate::users::{self, ServiceStatus, UsersPage};

/// The application. A change of language redraws it at the same address.
#[component]
pub(crate) fn App() -> impl IntoView {
    let language = RwSignal::new(Language::current());
    provide_context(Router::new());
    users::provide_services();
    move || {
        language.track();
        view! { <Frame language /> }
    }
}

#[component]
fn Frame(language: RwSignal<Language>) -> impl IntoView {
    // The browser would add `#main` to the address.
    let skip = |event: MouseEvent| {
        event.prevent_default();
        browser::focus("main");
    };
    let router: Router = expect_context();
    let page = Memo::new(move |_| router.page());
    view! {
        <a class="skip-link" href="#main" on:click=skip>{t("Skip to content")}</a>
        <header class="top-bar">
            <Link href="/" class="brand"><BrandMark /><span>"Soundstage"</span></Link>
            <nav aria-label=t("Pages")>
                <Link href="/users">{t("Users")}</Link>
                <Link href="/stage">{t("Stage")}</Link>
                <Link href="/calls">{t("Calls")}</Link>
            </nav>
            <LanguageButton language />
        </header>
        <OfflineBanner />
        <ServiceStatus />
        <main id="main" tabindex="-1">
            {move || match page.get() {
                Page::Users => view! { <UsersPage /> }.into_any(),
                Page::Stage => view! { <LazyStage /> }.into_any(),
                Page::Calls => view! { <LazyCalls /> }.into_any(),
                Page::Unknown => view! { <PageNotFound /> }.into_any(),
            }}
        </main>
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
            <Notice>{t("Check the address for mistakes.")} " " <Link href="/users">{t("Go to Users")}</Link></Notice>
        </div>
    }
}
