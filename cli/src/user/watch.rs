//! `soundstage user watch`: prints changes as they happen.

use clap::Args;
use serde_json::json;
use soundstage_formats::user_object;
use soundstage_proto::user::user_event::Kind;
use soundstage_proto::user::{UserEvent, WatchUsersRequest};

use super::Users;
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::{OutputFormat, line};

#[derive(Args)]
pub(crate) struct WatchArgs {
    /// Start after this sequence number, if the server still has the changes since then
    #[arg(
        long = "after",
        value_name = "SEQUENCE",
        default_value_t = 0,
        hide_default_value = true
    )]
    after_sequence: i64,
    /// Stop after N changes
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

pub(crate) async fn run(
    mut users: Users,
    args: &ClientArgs,
    output: OutputFormat,
    watch: WatchArgs,
) -> Result<(), Failure> {
    let request = WatchUsersRequest {
        after_sequence: watch.after_sequence,
        heartbeat: false,
    };
    let mut events = users.watch_users(args.request(request)).await?.into_inner();
    let mut remaining = watch.limit.unwrap_or(usize::MAX);
    while remaining > 0
        && let Some(event) = events.message().await?
    {
        print(&event, output)?;
        remaining -= usize::from(!matches!(event.kind(), Kind::ReadAgain | Kind::Heartbeat));
    }
    Ok(())
}

fn print(event: &UserEvent, format: OutputFormat) -> Result<(), Failure> {
    let sequence = event.sequence;
    let kind = match event.kind() {
        Kind::Unspecified => "unknown",
        Kind::Created => "created",
        Kind::Changed => "changed",
        Kind::Deleted => "deleted",
        Kind::ReadAgain => "read again",
        // Sent only to clients that ask for heartbeats.
        Kind::Heartbeat => return Ok(()),
    };
    match (format, &event.user) {
        (OutputFormat::Json, user) => {
            let user = user.as_ref().map(user_object);
            line(json!({ "event": kind.replace(' ', "_"), "sequence": sequence, "user": user }))
        }
        (OutputFormat::Table, Some(user)) => line(format_args!(
            "{sequence:>10}  {kind:<8}  {:>10}  {:<13}  {}  {}",
            user.id,
            user.user_type().as_str_name(),
            user.nickname,
            user.mail_address
        )),
        (OutputFormat::Table, None) => line(format_args!(
            "{sequence:>10}  changes up to here were not sent; list the users to see them"
        )),
    }
}
