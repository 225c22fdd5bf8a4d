//! Fetches the rows of the table and keeps them up to date.

use std::ops::Range;
use std::time::Duration;

use leptos::prelude::*;
use soundstage_proto::user::User;

use super::changes::ChangeSignals;
use super::live;
use super::rows::{BLOCK, Rows};
use super::user_query::UserQuery;
use crate::api::{CallError, Connection};
use crate::{api, browser};

/// Time that rows must be in view before they are fetched, so that a drag of the scroll bar does not fetch all rows.
const SETTLE_DELAY: Duration = Duration::from_millis(60);

/// Time that changes are collected before the rows are fetched again.
const COALESCE_WINDOW: Duration = Duration::from_millis(150);

/// Users per request for a range of rows.
const RANGE_PAGE: u32 = 1000;

/// Rows of a query, and the requests for them.
#[derive(Clone, Copy)]
pub(super) struct Table {
    query: Memo<UserQuery>,
    pub(super) rows: RwSignal<Rows>,
    pub(super) failure: RwSignal<Option<CallError>>,
    /// Number of changes that the rows do not show yet.
    pub(super) unseen: RwSignal<u32>,
    /// Number of queries so far. Responses to an earlier query are dropped.
    generation: RwSignal<u32>,
    /// The generation whose rows are shown.
    pub(super) shown: RwSignal<u32>,
    /// The query of that generation; `None` before the first rows.
    shown_query: StoredValue<Option<UserQuery>>,
    /// Number of times that missing rows were requested again.
    attempt: RwSignal<u32>,
    /// Blocks that are requested now.
    in_flight: StoredValue<Vec<u32>>,
}

impl Table {
    pub(super) fn new(query: Memo<UserQuery>) -> Self {
        let table = Self {
            query,
            rows: RwSignal::default(),
            failure: RwSignal::new(None),
            unseen: RwSignal::new(0),
            generation: RwSignal::new(0),
            shown: RwSignal::new(0),
            shown_query: StoredValue::default(),
            attempt: RwSignal::new(0),
            in_flight: StoredValue::default(),
        };
        Effect::new(move |_| {
            query.track();
            table.in_flight.set_value(Vec::new());
            table.generation.update(|generation| *generation += 1);
            table.rows.update(Rows::begin_query);
            table.unseen.set(0);
        });
        let fetch_missing = Callback::new(move |()| table.attempt.update(|attempt| *attempt += 1));
        api::retry_while_failed(table.failure.into(), fetch_missing);
        table
    }

    /// Fetches a block, unless it is in flight.
    fn fetch(self, number: u32) {
        if self.in_flight.with_value(|blocks| blocks.contains(&number)) {
            return;
        }
        self.in_flight.update_value(|blocks| blocks.push(number));
        let generation = self.generation.get_untracked();
        let (total, staleness) = self
            .rows
            .with_untracked(|rows| (rows.exact_total(), rows.staleness()));
        let (request, reversed) = self
            .query
            .with_untracked(|query| query.request(number * BLOCK, BLOCK, total));
        browser::spawn_abortable(async move {
            let response = api::list_users(request).await;
            if self.generation.try_get_untracked() != Some(generation) {
                return;
            }
            self.in_flight
                .update_value(|blocks| blocks.retain(|other| *other != number));
            match response {
                Ok(mut page) => {
                    // These rows are counted from the end. If the end has moved, the page has other rows.
                    if reversed && total != Some(page.total_size) {
                        self.rows.update(|rows| rows.recount(&page));
                        return;
                    }
                    if reversed {
                        page.users.reverse();
                    }
                    self.failure.set(None);
                    let inserted = self
                        .rows
                        .try_update(|rows| rows.insert(number, page, staleness));
                    if self.shown.get_untracked() != generation {
                        let query = self.query.get_untracked();
                        self.shown_query.set_value(Some(query));
                        self.shown.set(generation);
                    }
                    if inserted == Some(false) {
                        self.attempt.update(|attempt| *attempt += 1);
                    }
                }
                Err(error) => self.failure.set(Some(error)),
            }
        });
    }

    /// Returns the users of a range of the rows that are shown, known or not.
    pub(super) async fn users(self, range: Range<u32>) -> Result<Vec<User>, CallError> {
        let mut users = Vec::new();
        let Some(query) = self.shown_query.get_value() else {
            return Ok(users);
        };
        for first in range.clone().step_by(RANGE_PAGE as usize) {
            let count = RANGE_PAGE.min(range.end - first);
            let (request, _) = query.request(first, count, None);
            users.extend(api::list_users(request).await?.users);
        }
        Ok(users)
    }

    /// Fetches the rows again.
    pub(super) fn refresh(self) {
        self.unseen.set(0);
        self.rows.update(Rows::go_stale);
        self.attempt.update(|attempt| *attempt += 1);
    }

    /// Applies a change to the rows. Returns true if they may differ from the server's rows now.
    fn apply(self, change: live::Change) -> bool {
        match change {
            live::Change::Row(sequence, change) => {
                self.rows.update(|rows| rows.change(sequence, change));
            }
            live::Change::Unknown(sequence)
                if !self
                    .rows
                    .with_untracked(|rows| rows.are_older_than(sequence)) =>
            {
                return false;
            }
            live::Change::Created | live::Change::Unknown(_) => {}
        }
        self.unseen.update(|unseen| *unseen += 1);
        true
    }

    /// Fetches missing rows whenever other rows come into view.
    pub(super) fn keep_fetching(self, in_view: Memo<Range<u32>>) {
        let missing = Memo::new(move |_| {
            let in_view = in_view.get();
            self.rows.with(|rows| rows.missing(&in_view))
        });
        Effect::new(move |_| {
            self.generation.track();
            self.attempt.track();
            let missing = missing.get();
            let is_first = self.rows.with_untracked(Rows::is_waiting);
            browser::spawn_scoped(async move {
                if !is_first {
                    browser::sleep(SETTLE_DELAY).await;
                }
                for number in missing {
                    self.fetch(number);
                }
            });
        });
    }

    /// Shows the changes of others: new values of a row at once, moved rows once the pointer has left the table, so that a
    /// click hits the intended row. Changes made on this page are shown at once. Returns the state of the connection.
    pub(super) fn follow_changes(
        self,
        is_pointed_at: RwSignal<bool>,
        changes: ChangeSignals,
    ) -> Signal<Connection> {
        let is_coalescing = StoredValue::new(false);
        let connection = live::follow(move |change| {
            if !self.apply(change) || is_coalescing.get_value() {
                return;
            }
            is_coalescing.set_value(true);
            browser::spawn_abortable(async move {
                browser::sleep(COALESCE_WINDOW).await;
                // `None` if the reader has left the page.
                if is_coalescing.try_set_value(false).is_none() {
                    changes.by_anyone.update(|count| *count += 1);
                }
            });
        });
        Effect::new(move |_| {
            changes.by_anyone.track();
            if !is_pointed_at.get() && self.unseen.get_untracked() > 0 {
                self.refresh();
            }
        });
        Effect::new(move |_| {
            if changes.local.get() > 0 {
                self.refresh();
            }
        });
        connection
    }
}
