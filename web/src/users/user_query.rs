//! The query of the table: search, filter and order, as the page's address has them.

use soundstage_proto::UserType;
use soundstage_proto::user::list_users_request::Order;
use soundstage_proto::user::{ListUsersRequest, UserFilter};
use soundstage_proto::user_types;

/// A filter of users, and their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct UserQuery {
    pub(super) search: String,
    /// Empty for all types.
    pub(super) user_types: Vec<UserType>,
    pub(super) order: Order,
    pub(super) descending: bool,
}

impl UserQuery {
    /// Reads the query parameters of an address. Ignores unknown values.
    pub(super) fn from_parameters(get: impl Fn(&str) -> Option<String>) -> Self {
        let types = get("type").unwrap_or_default();
        let order = get("order").unwrap_or_default().to_ascii_uppercase();
        Self {
            search: get("search").unwrap_or_default(),
            user_types: types.split(',').filter_map(user_types::parse).collect(),
            order: Order::from_str_name(&order).unwrap_or_default(),
            descending: get("descending").is_some(),
        }
    }

    /// Returns the query parameters; defaults are left out.
    pub(super) fn to_parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if !self.search.is_empty() {
            parameters.push(("search", self.search.clone()));
        }
        if !self.user_types.is_empty() {
            let names: Vec<_> = self.user_types.iter().map(UserType::as_str_name).collect();
            parameters.push(("type", names.join(",")));
        }
        if self.order != Order::Id {
            parameters.push(("order", self.order.as_str_name().to_ascii_lowercase()));
        }
        if self.descending {
            parameters.push(("descending", String::new()));
        }
        parameters
    }

    /// Returns the query with a type added, or removed if the query has the type.
    pub(super) fn toggle(&self, user_type: UserType) -> Self {
        let mut query = self.clone();
        let before = query.user_types.len();
        query.user_types.retain(|other| *other != user_type);
        if query.user_types.len() == before {
            query.user_types.push(user_type);
        }
        query
    }

    /// Returns the query in another order; in the opposite direction if the query has the order.
    pub(super) fn order_by(&self, order: Order) -> Self {
        Self {
            order,
            descending: self.order == order && !self.descending,
            ..self.clone()
        }
    }

    /// Whether the query excludes any users.
    pub(super) fn is_filtered(&self) -> bool {
        !self.search.is_empty() || !self.user_types.is_empty()
    }

    pub(super) fn filter(&self) -> UserFilter {
        UserFilter {
            search: self.search.clone(),
            user_types: self.user_types.iter().copied().map(i32::from).collect(),
        }
    }

    /// Returns the request for `count` rows from `first` on, and whether its rows come in reverse. Rows in the second
    /// half of `total` are counted from the end: the server takes longer the more rows it skips.
    pub(super) fn request(
        &self,
        first: u32,
        count: u32,
        total: Option<u32>,
    ) -> (ListUsersRequest, bool) {
        let behind = total.map(|total| total.saturating_sub(first + count));
        let (skip, reversed) = match behind {
            Some(behind) if behind < first && total.is_some_and(|total| first < total) => {
                (behind, true)
            }
            _ => (first, false),
        };
        let count = match total {
            Some(total) if reversed => count.min(total - first),
            _ => count,
        };
        let request = ListUsersRequest {
            page_size: count as i32,
            filter: Some(self.filter()),
            order: self.order.into(),
            descending: self.descending != reversed,
            skip,
            ..ListUsersRequest::default()
        };
        (request, reversed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> UserQuery {
        UserQuery::from_parameters(|name| {
            let mut parameters = address
                .split('&')
                .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")));
            parameters
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.to_owned())
        })
    }

    #[test]
    fn an_address_keeps_the_query() {
        let query = UserQuery {
            search: "foo".into(),
            user_types: vec![UserType::Guest, UserType::Normal],
            order: Order::MailAddress,
            descending: true,
        };
        let parameters: Vec<_> = query
            .to_parameters()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let address = parameters.join("&");
        assert_eq!(
            address,
            "search=foo&type=GUEST,NORMAL&order=mail_address&descending="
        );
        assert_eq!(parse(&address), query);
        assert_eq!(UserQuery::default().to_parameters(), []);
        assert_eq!(parse("type=BOSS&order=size"), UserQuery::default());
    }

    #[test]
    fn the_same_order_again_changes_direction() {
        let query = UserQuery::default().order_by(Order::Nickname);
        assert!(!query.descending);
        let reversed = query.order_by(Order::Nickname);
        assert!(reversed.descending);
        assert!(!reversed.order_by(Order::Created).descending);
    }

    #[test]
    fn toggle_adds_and_removes_a_type() {
        let query = UserQuery::default()
            .toggle(UserType::Guest)
            .toggle(UserType::Normal);
        assert_eq!(query.user_types, [UserType::Guest, UserType::Normal]);
        assert_eq!(query.toggle(UserType::Guest).user_types, [UserType::Normal]);
    }

    #[test]
    fn rows_are_requested_from_the_nearer_end() {
        let (request, reversed) = UserQuery::default().request(100, 100, Some(1000));
        assert!(!reversed && !request.descending);
        assert_eq!((request.skip, request.page_size), (100, 100));
        let (request, reversed) = UserQuery::default().request(900, 100, Some(950));
        assert!(reversed && request.descending);
        assert_eq!((request.skip, request.page_size), (0, 50));
        let (request, reversed) = UserQuery::default().request(900, 100, None);
        assert!(!reversed);
        assert_eq!(request.skip, 900);
    }
}
