//! The Soundstage page.
//!
//! [`app`] is the frame and its routes, [`users`], [`stage`] and [`calls`] are the pages in it. What they compute (form
//! rules, paging, interpolation, projection, encoding) is plain Rust in modules of its own and tested on the host; components stand on
//! top. [`api`] is the only module that knows RPC, [`language`] the only one that knows what language the page is in.

#![allow(unreachable_pub, reason = "the component macro makes its types pub")]

mod api;
mod app;
mod browser;
mod calls;
mod language;
mod lazy;
mod stage;
mod ui;
mod users;

/// Mounts the page in the reader's language, and shows a notice if it ever panics: the program is unusable after that.
pub async fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        browser::show_crash_notice();
    }));
    // In English if its texts cannot be loaded.
    language::Language::preferred().begin().await;
    leptos::mount::mount_to_body(app::App);
}
