//! The call that moves characters: the reader's own character, and characters of others. The call is open while there
//! is a character to move.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_channel::mpsc::{self, UnboundedSender};
use futures_util::StreamExt as _;
use leptos::prelude::*;
use soundstage_proto::position::{
    Join, PositionSubRequest, PositionSyncRequest, Sample, StageUpdate,
};

use super::place::{Place, to_pos};
use crate::api::{self, Backoff, CallError};
use crate::browser;
use crate::language::fill;

/// Shortest time between requests with samples: about one frame of a display.
const INTERVAL: Duration = Duration::from_millis(16);

/// Number of heartbeats of the server without a sample after which the call ends.
const MAX_IDLE_HEARTBEATS: u32 = 5;

/// The publisher of the reader's moves.
#[derive(Clone, Copy)]
pub(super) struct Publisher {
    state: StoredValue<State, LocalStorage>,
    own: RwSignal<Option<u32>>,
    failure: RwSignal<Option<String>>,
}

#[derive(Default)]
struct State {
    /// Number of the newest call. A task that belongs to an older call changes nothing.
    call: u32,
    /// Sender of the open call's requests.
    requests: Option<UnboundedSender<PositionSyncRequest>>,
    /// Newest places that are not sent yet, by character.
    pending: BTreeMap<u32, Place>,
    /// True while a task sends the pending places.
    is_sending: bool,
    /// The reader's own character and its place, from *Join* until *Leave*.
    own: Option<(Join, Place)>,
    /// Heartbeats of the server since the last sample.
    idle_heartbeats: u32,
    backoff: Backoff,
}

impl Publisher {
    /// Creates a publisher. The reader's own character leaves with the page or its tab.
    pub(super) fn new() -> Self {
        let publisher = Self {
            state: StoredValue::new_local(State::default()),
            own: RwSignal::new(None),
            failure: RwSignal::new(None),
        };
        let closing = window_event_listener_untyped("pagehide", move |_| publisher.leave());
        on_cleanup(move || {
            closing.remove();
            publisher.leave();
        });
        publisher
    }

    /// Returns the id of the reader's own character once it is on the stage, and tracks it.
    pub(super) fn own(self) -> Option<u32> {
        self.own.get()
    }

    /// Returns the id of the reader's own character without tracking it.
    pub(super) fn own_untracked(self) -> Option<u32> {
        self.own.try_get_untracked().flatten()
    }

    /// Returns the error that ended the last call, as a sentence.
    pub(super) fn failure(self) -> Option<String> {
        self.failure.get()
    }

    /// Joins the stage with a character of the reader's own.
    pub(super) fn join(self, name: String, user_id: u32, place: Place) {
        let source = browser::random_id();
        let join = Join {
            name,
            user_id,
            source,
        };
        self.failure.set(None);
        self.state.update_value(|state| {
            state.own = Some((join, place));
        });
        // The character joins with a new call.
        self.call();
    }

    /// Removes the reader's own character from the stage.
    pub(super) fn leave(self) {
        // This half-closes the call: the server ends it and the character leaves.
        let _ = self.state.try_update_value(State::close);
        let _ = self.own.try_set(None);
    }

    /// Moves a character. A newer place replaces an unsent place.
    pub(super) fn put(self, id: u32, place: Place) {
        let own = self.own_untracked();
        let (was_sending, is_closed) = self
            .state
            .try_update_value(|state| {
                if let Some((_, newest)) = state.own.as_mut().filter(|_| own == Some(id)) {
                    *newest = place;
                }
                state.pending.insert(id, place);
                let was_sending = std::mem::replace(&mut state.is_sending, true);
                (was_sending, state.requests.is_none())
            })
            .unwrap_or_default();
        if is_closed {
            self.call();
        }
        if !was_sending {
            browser::spawn_abortable(async move {
                while self.send_pending() {
                    browser::sleep(INTERVAL).await;
                }
            });
        }
    }

    /// Sends the pending places. Returns false if there were none.
    fn send_pending(self) -> bool {
        let sent = self.state.try_update_value(|state| {
            let sample = |(character, place)| Sample {
                character,
                // 0 would mean the server's clock, which does not know when the reader moved.
                time_ms: browser::now() as i64 + 1,
                position: Some(to_pos(place)),
                ..Sample::default()
            };
            let pending = std::mem::take(&mut state.pending);
            state.is_sending = !pending.is_empty();
            if let Some(requests) = state.requests.as_ref().filter(|_| !pending.is_empty()) {
                state.idle_heartbeats = 0;
                // `receive` reports a call that has ended.
                let _ = requests.unbounded_send(PositionSyncRequest {
                    samples: pending.into_iter().map(sample).collect(),
                    ..PositionSyncRequest::default()
                });
            }
            state.is_sending
        });
        sent.unwrap_or_default()
    }

    /// Starts a call, and another call if the call breaks while the reader has a character. Half-closes an older call.
    fn call(self) {
        let (sender, requests) = mpsc::unbounded();
        let opened = self.state.try_update_value(|state| {
            state.call += 1;
            state.requests = Some(sender.clone());
            state.idle_heartbeats = 0;
            (state.call, state.own.clone())
        });
        // The page may have been left.
        let Some((call, own)) = opened else { return };
        let (joins, samples) = match own {
            Some((join, place)) => {
                let sample = Sample {
                    position: Some(to_pos(place)),
                    time_ms: browser::now() as i64 + 1,
                    ..Sample::default()
                };
                (vec![join], vec![sample])
            }
            None => (Vec::new(), Vec::new()),
        };
        // Subscribes to no characters: the page receives the stage over `fetch`, which has backpressure.
        let receive = Some(PositionSubRequest::default());
        // The receiver exists, so this cannot fail.
        let _ = sender.unbounded_send(PositionSyncRequest {
            joins,
            samples,
            receive,
            ..PositionSyncRequest::default()
        });
        drop(sender);
        // The task outlives the page, so that the server sees the half-close.
        browser::spawn_abortable(async move {
            let outcome = self.receive(call, requests).await;
            self.on_end(call, outcome).await;
        });
    }

    /// Changes the state for a call. Returns `None` if a newer call has replaced this call, or the page was left.
    fn update<T>(self, call: u32, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        let changed = self
            .state
            .try_update_value(|state| (state.call == call).then(|| change(state)));
        changed.flatten()
    }

    async fn receive(
        self,
        call: u32,
        requests: mpsc::UnboundedReceiver<PositionSyncRequest>,
    ) -> Result<(), CallError> {
        let mut updates = api::sync_positions(requests).await?;
        while let Some(update) = updates.next().await {
            let StageUpdate { own, heartbeat, .. } = update?;
            if let Some(own) = own.first()
                && self.update(call, |state| state.backoff.reset()).is_some()
            {
                let _ = self.own.try_set(Some(own.id));
            }
            if heartbeat {
                self.on_heartbeat(call);
            }
        }
        Ok(())
    }

    /// Responds with a heartbeat, which keeps the reader's character on the stage, or half-closes an idle call.
    fn on_heartbeat(self, call: u32) {
        let _ = self.update(call, |state| {
            state.idle_heartbeats += 1;
            if state.own.is_none() && state.idle_heartbeats >= MAX_IDLE_HEARTBEATS {
                state.requests = None;
            } else if let Some(requests) = &state.requests {
                // `receive` reports a call that has ended.
                let _ = requests.unbounded_send(PositionSyncRequest {
                    heartbeat: true,
                    ..PositionSyncRequest::default()
                });
            }
        });
    }

    /// Retries a call that broke while the reader has a character. Shows any other error.
    async fn on_end(self, call: u32, outcome: Result<(), CallError>) {
        let Err(error) = outcome else { return };
        let delay = self.update(call, |state| {
            let is_retried = state.own.is_some() && error == CallError::Unreachable;
            is_retried.then(|| state.backoff.next_delay())
        });
        let Some(delay) = delay else { return };
        if let Some(delay) = delay {
            // The character is stale until then. A join with the same source takes the character over.
            browser::sleep(delay).await;
            if self.update(call, |_| ()).is_some() {
                self.call();
            }
            return;
        }
        let _ = self.update(call, State::close);
        let _ = self.own.try_set(None);
        let sentence = fill("Could not move the character. {0}", &[&error.sentence()]);
        let _ = self.failure.try_set(Some(sentence));
    }
}

impl State {
    /// Removes the reader's own character and half-closes the call, whose end then changes nothing.
    fn close(&mut self) {
        self.own = None;
        self.requests = None;
        self.call += 1;
    }
}
