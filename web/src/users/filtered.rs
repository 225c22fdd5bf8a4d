//! The users of one type, appearing as they stream.

use futures_util::StreamExt as _;
use leptos::prelude::*;
use soundstage_proto::UserType;
use soundstage_proto::user::User;

use super::UsersChanged;
use super::table::UserTable;
use crate::ui::{Failure, Notice, Remote, RemoteData};
use crate::{api, browser};

/// How many rows are shown; the call is ended there. More would make the browser slow.
const MAX_ROWS: usize = 1000;

/// How often new rows are drawn, in milliseconds. The stream is faster than anyone reads.
const REDRAW_INTERVAL: f64 = 50.0;

/// All users of one type.
#[component]
pub(super) fn UsersOfType(user_type: UserType) -> impl IntoView {
    let rows = RwSignal::new(Vec::new());
    let UsersChanged(changed) = expect_context();
    let progress = RemoteData::new(move || {
        changed.track();
        stream_rows(user_type, rows)
    });
    let summary = move || {
        let count = rows.with(Vec::len);
        match progress.get() {
            Remote::Ready(Completeness::CutShort) => format!("The first {count}; there are more."),
            Remote::Ready(Completeness::All) => format!("{count} of {count}"),
            Remote::Loading | Remote::Failed(_) => format!("{count} so far…"),
        }
    };
    let failure = move || match progress.get() {
        Remote::Failed(error) => Some(view! { <Failure error retry=progress.retry() /> }),
        Remote::Loading | Remote::Ready(_) => None,
    };
    let is_empty =
        move || progress.get() == Remote::Ready(Completeness::All) && rows.with(Vec::is_empty);
    view! {
        {failure}
        <Show
            when=is_empty
            fallback=move || view! {
                <UserTable users=rows />
                <p class="page-buttons" role="status">{summary}</p>
            }
        >
            <Notice>"No user has this type."</Notice>
        </Show>
    }
}

/// Whether the table has all there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completeness {
    All,
    CutShort,
}

async fn stream_rows(
    user_type: UserType,
    rows: RwSignal<Vec<User>>,
) -> Result<Completeness, api::CallError> {
    let mut users = std::pin::pin!(api::users_of_type(user_type).await?);
    // The rows of an earlier answer stay until this one begins, so that the table does not flicker.
    let mut streamed = Vec::new();
    let mut drawn = browser::now();
    while let Some(user) = users.next().await {
        if streamed.len() == MAX_ROWS {
            rows.set(streamed);
            return Ok(Completeness::CutShort);
        }
        streamed.push(user?);
        if browser::now() - drawn > REDRAW_INTERVAL {
            drawn = browser::now();
            rows.set(streamed.clone());
        }
    }
    rows.set(streamed);
    Ok(Completeness::All)
}
