//! The Soundstage page.
//!
//! [`app`] is the frame and its routes, [`users`], [`stage`] and [`calls`] are the pages in it. What they compute (form
//! rules, paging, interpolation, projection, encoding) is plain Rust in modules of its own and tested on the host; components stand on
//! top. [`api`] is the only module that knows RPC.

#![allow(unreachable_pub, reason = "the component macro makes its types pub")]

mod api;
mod app;
mod browser;
mod calls;
mod lazy;
mod stage;
mod ui;
mod users;

/// Mounts the page, and shows a notice if it ever panics: the program is unusable after that.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        browser::show_crash_notice();
    }));
    leptos::mount::mount_to_body(app::App);
}
