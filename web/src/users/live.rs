//! Following what others change.

use futures_util::StreamExt as _;
use leptos::prelude::*;
use soundstage_proto::user::user_event::Kind;
use soundstage_proto::user::{User, UserEvent};

use crate::{api, browser};

/// How long to wait before the stream is begun again after it broke.
const RETRY_DELAY: std::time::Duration = std::time::Duration::from_secs(1);

/// What may have happened to the users that are shown.
pub(super) enum Change {
    /// One of them may have other values.
    Changed(User),
    /// One may have gone.
    Deleted(u32),
    /// There is one more.
    Created,
    /// Anything, up to this sequence number.
    Unknown(i64),
}

/// Tells each change while the page is visible, and while the component that asks for it is there.
pub(super) fn follow(tell: impl Fn(Change) + Copy + 'static) {
    let visible = browser::page_is_visible();
    // The last change heard of: where to go on after the page was hidden, or the connection lost.
    let last = StoredValue::new(0_i64);
    Effect::new(move |_| {
        if !visible.get() {
            return;
        }
        browser::spawn_scoped(async move {
            loop {
                listen(last, tell).await;
                browser::sleep(RETRY_DELAY).await;
            }
        });
    });
}

/// Listens until the stream ends or breaks.
async fn listen(last: StoredValue<i64>, tell: impl Fn(Change)) {
    let Ok(events) = api::watch_users(last.get_value()).await else {
        return;
    };
    let mut events = std::pin::pin!(events);
    while let Some(Ok(event)) = events.next().await {
        last.set_value(event.sequence);
        tell(change(event));
    }
}

fn change(event: UserEvent) -> Change {
    match (event.kind(), event.user) {
        (Kind::Changed, Some(user)) => Change::Changed(user),
        (Kind::Deleted, Some(user)) => Change::Deleted(user.id),
        (Kind::Created, _) => Change::Created,
        _ => Change::Unknown(event.sequence),
    }
}
