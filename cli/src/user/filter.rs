//! Which users a command is about, and in which order.

use clap::{Args, ValueEnum};
use soundstage_proto::UserType;
use soundstage_proto::user::UserFilter;
use soundstage_proto::user::list_users_request;

use super::parse_user_type;

/// A choice of users.
#[derive(Args, Clone)]
pub(crate) struct FilterArgs {
    /// Only users with this in their nickname or mail address, or with this id
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) search: String,
    /// Only users of this type; may be given more than once
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_user_type)]
    user_types: Vec<UserType>,
}

/// What a list is ordered by.
#[derive(Args, Clone)]
pub(crate) struct OrderArgs {
    /// What to order by
    #[arg(long, value_enum, default_value_t)]
    order: Order,
    /// From the last to the first
    #[arg(long)]
    pub(crate) descending: bool,
    /// Print at most this many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Order {
    #[default]
    Id,
    Nickname,
    MailAddress,
    Created,
    Updated,
}

impl FilterArgs {
    pub(crate) fn message(&self) -> UserFilter {
        UserFilter {
            search: self.search.clone(),
            user_types: self.user_types.iter().copied().map(i32::from).collect(),
        }
    }
}

impl OrderArgs {
    pub(crate) fn number(&self) -> i32 {
        use list_users_request::Order as Wire;
        match self.order {
            Order::Id => Wire::Id,
            Order::Nickname => Wire::Nickname,
            Order::MailAddress => Wire::MailAddress,
            Order::Created => Wire::Created,
            Order::Updated => Wire::Updated,
        }
        .into()
    }
}
