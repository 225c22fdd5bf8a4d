//! The state of the connection that keeps the table up to date.

use std::time::Duration;

use leptos::prelude::*;

use crate::api::Connection;
use crate::browser;
use crate::language::fill;

/// The time for which a connection must be lost before the notice appears: a server that restarts is back sooner.
const GRACE: Duration = Duration::from_secs(2);

/// The notice that the table is not live, with the time since when.
#[component]
pub(super) fn ConnectionNotice(connection: Signal<Connection>) -> impl IntoView {
    let text = RwSignal::new(String::new());
    Effect::new(move |_| match connection.get() {
        Connection::Reconnecting { since } => browser::spawn_scoped(async move {
            let lost_for = Duration::from_millis((browser::now() - since) as u64);
            browser::sleep(GRACE.saturating_sub(lost_for)).await;
            let time = browser::time_of_day(since);
            text.set(fill("Not live since {0}. Reconnecting…", &[&time]));
        }),
        Connection::Failed(error) => {
            text.set(fill("Not live. {0}", &[&error.sentence()]));
        }
        Connection::Paused | Connection::Connecting | Connection::Live => text.set(String::new()),
    });
    view! { <p class="not-live" role="status">{text}</p> }
}
