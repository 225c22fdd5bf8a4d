//! Fetching the rows of the table, and keeping them up to date.

use std::ops::Range;
use std::time::Duration;

use leptos::prelude::*;

use super::ChangeSignals;
use super::live;
use super::rows::{BLOCK, Rows};
use super::user_query::UserQuery;
use crate::api::CallError;
use crate::{api, browser};

/// How long rows must be in view before they are fetched: when the bar is dragged past them, they are not.
const SETTLED: Duration = Duration::from_millis(60);

/// How long changes are gathered before the rows are fetched again.
const GATHERED: Duration = Duration::from_millis(150);

/// The rows of a view, and what is under way for them.
#[derive(Clone, Copy)]
pub(super) struct Table {
    view: Memo<UserQuery>,
    pub(super) rows: RwSignal<Rows>,
    pub(super) failure: RwSignal<Option<CallError>>,
    /// Changes that the rows do not show yet.
    pub(super) unseen: RwSignal<u32>,
    /// Counts the views that were shown; answers to an earlier one are dropped.
    pub(super) round: RwSignal<u32>,
    /// Number of times that missing rows were requested again.
    attempt: RwSignal<u32>,
    in_flight: StoredValue<Vec<u32>>,
}

impl Table {
    pub(super) fn new(view: Memo<UserQuery>) -> Self {
        let table = Self {
            view,
            rows: RwSignal::default(),
            failure: RwSignal::new(None),
            unseen: RwSignal::new(0),
            round: RwSignal::new(0),
            attempt: RwSignal::new(0),
            in_flight: StoredValue::default(),
        };
        Effect::new(move |_| {
            view.track();
            table.in_flight.set_value(Vec::new());
            table.round.update(|round| *round += 1);
            table.rows.set(Rows::default());
            table.unseen.set(0);
        });
        let fetch_missing = Callback::new(move |()| table.attempt.update(|attempt| *attempt += 1));
        api::retry_while_failed(table.failure.into(), fetch_missing);
        table
    }

    /// Fetches a block, unless it is on its way.
    fn fetch(self, number: u32) {
        if self.in_flight.with_value(|blocks| blocks.contains(&number)) {
            return;
        }
        self.in_flight.update_value(|blocks| blocks.push(number));
        let round = self.round.get_untracked();
        let total = self.rows.with_untracked(Rows::exact_total);
        let (request, reversed) = self
            .view
            .with_untracked(|view| view.request(number * BLOCK, BLOCK, total));
        browser::spawn_abortable(async move {
            let answer = api::list_users(request).await;
            if self.round.try_get_untracked() != Some(round) {
                return;
            }
            self.in_flight
                .update_value(|blocks| blocks.retain(|other| *other != number));
            match answer {
                Ok(mut page) => {
                    // Counted from an end that has moved meanwhile, these would be other rows.
                    if reversed && total != Some(page.total_size) {
                        self.rows.update(|rows| rows.recount(&page));
                        return;
                    }
                    if reversed {
                        page.users.reverse();
                    }
                    self.failure.set(None);
                    self.rows.update(|rows| rows.insert(number, page));
                }
                Err(error) => self.failure.set(Some(error)),
            }
        });
    }

    /// Shows what has changed.
    pub(super) fn refresh(self) {
        self.unseen.set(0);
        self.rows.update(Rows::go_stale);
        self.attempt.update(|attempt| *attempt += 1);
    }

    /// Takes a change in. Whether the rows may be others now.
    fn hear(self, change: live::Change) -> bool {
        match change {
            live::Change::Changed(user) => self.rows.update(|rows| rows.change(&user)),
            live::Change::Deleted(id) => self.rows.update(|rows| rows.delete(id)),
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

    /// Fetches what is missing, whenever other rows come into view.
    pub(super) fn keep_fetching(self, in_view: Memo<Range<u32>>) {
        let missing = Memo::new(move |_| {
            let in_view = in_view.get();
            self.rows.with(|rows| rows.missing(&in_view))
        });
        Effect::new(move |_| {
            self.round.track();
            self.attempt.track();
            let missing = missing.get();
            let is_first = self.rows.with_untracked(|rows| rows.total().is_none());
            browser::spawn_scoped(async move {
                if !is_first {
                    browser::sleep(SETTLED).await;
                }
                for number in missing {
                    self.fetch(number);
                }
            });
        });
    }

    /// Shows what others change: at once where a row stands, and in its place as soon as nobody points at the rows,
    /// so that a click meets the row that was meant. What was done here is shown at once.
    pub(super) fn follow_changes(self, is_pointed_at: RwSignal<bool>, revised: ChangeSignals) {
        let is_gathering = StoredValue::new(false);
        live::follow(move |change| {
            if !self.hear(change) || is_gathering.get_value() {
                return;
            }
            is_gathering.set_value(true);
            browser::spawn_abortable(async move {
                browser::sleep(GATHERED).await;
                // Not if the page was left meanwhile.
                if is_gathering.try_set_value(false).is_none() {
                    revised.by_anybody.update(|count| *count += 1);
                }
            });
        });
        Effect::new(move |_| {
            revised.by_anybody.track();
            if !is_pointed_at.get() && self.unseen.get_untracked() > 0 {
                self.refresh();
            }
        });
        Effect::new(move |_| {
            if revised.here.get() > 0 {
                self.refresh();
            }
        });
    }
}
