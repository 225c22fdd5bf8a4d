//! The Soundstage page.
//!
//! [`app`] is the frame and its routes; [`users`], [`stage`] and [`calls`] are the pages. Their logic (form rules, paging,
//! interpolation, projection, encoding) is plain Rust in separate modules, tested on the host; components use it. [`api`] is
//! the only module that knows RPC, [`language`] the only module that knows the language of the page.

#![allow(unreachable_pub, reason = "the component macro makes its types pub")]

mod api;
mod app;
mod browser;
mod calls;
mod language;
mod lazy;
mod parts;
mod router;
mod stage;
mod ui;
mod users;

/// Mounts the page in the reader's language. Shows a notice after a panic, since the program is unusable then.
pub async fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        browser::show_crash_notice();
    }));
    // The page stays in English if the texts cannot be loaded.
    language::Language::preferred().activate().await;
    leptos::mount::mount_to_body(app::App);
}
