//! Changes of users by anyone, as they happen.

use leptos::prelude::*;
use soundstage_proto::user::UserEvent;
use soundstage_proto::user::user_event::Kind;

use super::rows::RowChange;
use crate::api::{self, Connection};

/// Change that the rows may not show yet.
pub(super) enum Change {
    /// A change of a row, with its sequence number.
    Row(i64, RowChange),
    /// There is a new user.
    Created,
    /// Any number of changes, up to this sequence number.
    Unknown(i64),
}

/// Passes each change to `notify` while the page is visible; ends with its owner. Returns the state of the connection.
pub(super) fn follow(notify: impl Fn(Change) + Copy + 'static) -> Signal<Connection> {
    // Sequence number of the last change: a new stream resumes after it.
    let last = StoredValue::new(0_i64);
    api::follow(
        true.into(),
        move || api::watch_users(last.get_value()),
        move |event: UserEvent| {
            if event.kind() == Kind::Heartbeat {
                return;
            }
            last.set_value(event.sequence);
            notify(change(event));
        },
    )
}

fn change(event: UserEvent) -> Change {
    match (event.kind(), event.user) {
        (Kind::Changed, Some(user)) => Change::Row(event.sequence, RowChange::Changed(user)),
        (Kind::Deleted, Some(user)) => Change::Row(event.sequence, RowChange::Deleted(user.id)),
        (Kind::Created, _) => Change::Created,
        _ => Change::Unknown(event.sequence),
    }
}
