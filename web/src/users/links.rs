//! Links within the page of users.

use leptos::prelude::*;

use super::user_query::UserQuery;
use crate::browser;

/// The callback that shows the users of another query and puts the query into the page's address.
#[derive(Clone, Copy)]
pub(super) struct SetQuery(pub(super) Callback<UserQuery>);

/// Links that keep the query of the table.
#[derive(Clone, Copy)]
pub(super) struct Links {
    query: Memo<UserQuery>,
}

impl Links {
    pub(super) fn new(query: Memo<UserQuery>) -> Self {
        Self { query }
    }

    /// Returns the link to a user; tracks the query.
    pub(super) fn user(self, id: u32) -> String {
        self.within(&format!("/users/{id}"))
    }

    /// Returns the link to a path of the page; tracks the query.
    pub(super) fn within(self, path: &str) -> String {
        let query = self
            .query
            .with(|query| browser::query(&query.to_parameters()));
        format!("{path}{query}")
    }
}
