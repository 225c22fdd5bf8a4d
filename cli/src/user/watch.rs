//! `soundstage user watch`: changes as they happen.

use clap::Args;
use serde_json::json;
use soundstage_formats::user_object;
use soundstage_proto::user::user_event::Kind;
use soundstage_proto::user::{UserEvent, WatchUsersRequest};

use super::Users;
use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::output::line;

#[derive(Args)]
pub(crate) struct WatchArgs {
    /// Begin with the change after this sequence number, if the server still has it
    #[arg(
        long = "after",
        value_name = "SEQUENCE",
        default_value_t = 0,
        hide_default_value = true
    )]
    after_sequence: i64,
    /// End after this many changes
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
    };
    let mut events = users.watch_users(args.request(request)).await?.into_inner();
    let mut left = watch.limit.unwrap_or(usize::MAX);
    while left > 0
        && let Some(event) = events.message().await?
    {
        print(&event, output)?;
        left -= usize::from(event.kind() != Kind::ReadAgain);
    }
    Ok(())
}

fn print(event: &UserEvent, format: OutputFormat) -> Result<(), Failure> {
    let sequence = event.sequence;
    let what = match event.kind() {
        Kind::Unspecified => "unknown",
        Kind::Created => "created",
        Kind::Changed => "changed",
        Kind::Deleted => "deleted",
        Kind::ReadAgain => "read again",
    };
    match (format, &event.user) {
        (OutputFormat::Json, user) => {
            let user = user.as_ref().map(user_object);
            line(json!({ "event": what.replace(' ', "_"), "sequence": sequence, "user": user }))
        }
        (OutputFormat::Table, Some(user)) => line(format_args!(
            "{sequence:>10}  {what:<8}  {:>10}  {:<13}  {}  {}",
            user.id,
            user.user_type().as_str_name(),
            user.nickname,
            user.mail_address
        )),
        (OutputFormat::Table, None) => line(format_args!(
            "{sequence:>10}  changes up to here are not told one by one; what follows is new"
        )),
    }
}
