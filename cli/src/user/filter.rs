//! Filtering and ordering users.

use clap::{Args, ValueEnum};
use soundstage_proto::UserType;
use soundstage_proto::user::UserFilter;
use soundstage_proto::user::list_users_request;

use super::parse_user_type;

/// The flags that filter users.
#[derive(Args, Clone)]
pub(crate) struct FilterArgs {
    /// Only users with this text in the nickname or mail address, or with this id
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) search: String,
    /// Only users of this type; can be repeated
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_user_type)]
    user_types: Vec<UserType>,
}

/// The order and length of a list.
#[derive(Args, Clone)]
pub(crate) struct OrderArgs {
    /// Field to sort by
    #[arg(long, value_enum, default_value_t)]
    order: Order,
    /// Sort in descending order
    #[arg(long)]
    pub(crate) descending: bool,
    /// Print at most N users
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
