//! What the table shows: the search, the filter and the order, as they stand in the address.

use soundstage_proto::UserType;
use soundstage_proto::user::list_users_request::Order;
use soundstage_proto::user::{ListUsersRequest, UserFilter};
use soundstage_proto::user_types;

/// A choice of users in an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct UserQuery {
    pub(super) search: String,
    /// None stands for all.
    pub(super) user_types: Vec<UserType>,
    pub(super) order: Order,
    pub(super) descending: bool,
}

impl UserQuery {
    /// From the parts of an address' query; what is unknown there is passed over.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let types = get("type").unwrap_or_default();
        let order = get("order").unwrap_or_default().to_ascii_uppercase();
        Self {
            search: get("search").unwrap_or_default(),
            user_types: types.split(',').filter_map(user_types::parse).collect(),
            order: Order::from_str_name(&order).unwrap_or_default(),
            descending: get("descending").is_some(),
        }
    }

    /// The parts of the address' query; what is as it is without them has none.
    pub(super) fn write(&self) -> Vec<(&'static str, String)> {
        let mut parts = Vec::new();
        if !self.search.is_empty() {
            parts.push(("search", self.search.clone()));
        }
        if !self.user_types.is_empty() {
            let names: Vec<_> = self.user_types.iter().map(UserType::as_str_name).collect();
            parts.push(("type", names.join(",")));
        }
        if self.order != Order::Id {
            parts.push(("order", self.order.as_str_name().to_ascii_lowercase()));
        }
        if self.descending {
            parts.push(("descending", String::new()));
        }
        parts
    }

    /// With one type taken in, or left out.
    pub(super) fn toggled(&self, user_type: UserType) -> Self {
        let mut view = self.clone();
        let before = view.user_types.len();
        view.user_types.retain(|other| *other != user_type);
        if view.user_types.len() == before {
            view.user_types.push(user_type);
        }
        view
    }

    /// Ordered by this; the other way round if it is already.
    pub(super) fn ordered_by(&self, order: Order) -> Self {
        Self {
            order,
            descending: self.order == order && !self.descending,
            ..self.clone()
        }
    }

    /// Whether it leaves anybody out.
    pub(super) fn is_filtered(&self) -> bool {
        !self.search.is_empty() || !self.user_types.is_empty()
    }

    /// The users that are meant, in no order.
    pub(super) fn filter(&self) -> UserFilter {
        UserFilter {
            search: self.search.clone(),
            user_types: self.user_types.iter().copied().map(i32::from).collect(),
        }
    }

    /// The question for some rows of it. Those behind the middle of `total` are counted from the end, which is nearer;
    /// they come in the opposite order then.
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

    fn read(query: &str) -> UserQuery {
        UserQuery::read(|name| {
            let mut parts = query
                .split('&')
                .map(|part| part.split_once('=').unwrap_or((part, "")));
            parts
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.to_owned())
        })
    }

    #[test]
    fn an_address_keeps_a_view() {
        let view = UserQuery {
            search: "foo".into(),
            user_types: vec![UserType::Guest, UserType::Normal],
            order: Order::MailAddress,
            descending: true,
        };
        let query: Vec<_> = view
            .write()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            query.join("&"),
            "search=foo&type=GUEST,NORMAL&order=mail_address&descending="
        );
        assert_eq!(read(&query.join("&")), view);
        assert_eq!(UserQuery::default().write(), []);
        assert_eq!(read("type=BOSS&order=size"), UserQuery::default());
    }

    #[test]
    fn an_order_is_turned_round_by_asking_for_it_again() {
        let view = UserQuery::default().ordered_by(Order::Nickname);
        assert!(!view.descending);
        assert!(view.ordered_by(Order::Nickname).descending);
        assert!(
            !view
                .ordered_by(Order::Nickname)
                .ordered_by(Order::Created)
                .descending
        );
    }

    #[test]
    fn types_are_taken_in_and_left_out() {
        let view = UserQuery::default()
            .toggled(UserType::Guest)
            .toggled(UserType::Normal);
        assert_eq!(view.user_types, [UserType::Guest, UserType::Normal]);
        assert_eq!(view.toggled(UserType::Guest).user_types, [UserType::Normal]);
    }

    #[test]
    fn rows_are_asked_for_from_the_nearer_end() {
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
