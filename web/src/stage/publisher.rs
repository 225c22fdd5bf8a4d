//! The call that moves characters: the reader's own, and those that are taken over. Open while there is anybody to move.

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

/// Places go out this often at most: about as often as a display shows them.
const INTERVAL: Duration = Duration::from_millis(16);

/// A call that has moved nobody for so many of the server's heartbeats ends.
const IDLE_HEARTBEATS: u32 = 5;

/// Moves characters.
#[derive(Clone, Copy)]
pub(super) struct Publisher {
    state: StoredValue<State, LocalStorage>,
    own: RwSignal<Option<u32>>,
    failure: RwSignal<Option<String>>,
}

#[derive(Default)]
struct State {
    /// Into the call, while there is one.
    requests: Option<UnboundedSender<PositionSyncRequest>>,
    /// The newest places that have not gone out yet.
    waiting: BTreeMap<u32, Place>,
    /// Whether places are going out now.
    is_sending: bool,
    /// The reader's own character, while it is to be on the stage, and where it is.
    own: Option<(Join, Place)>,
    idle_heartbeats: u32,
    backoff: Backoff,
}

impl Publisher {
    /// Ends with the page, or with its tab: then the reader's own character leaves.
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

    /// The reader's own character, once it is on the stage.
    pub(super) fn own(self) -> Option<u32> {
        self.own.get()
    }

    pub(super) fn own_untracked(self) -> Option<u32> {
        self.own.try_get_untracked().flatten()
    }

    /// Why the call ended that moved somebody.
    pub(super) fn failure(self) -> Option<String> {
        self.failure.get()
    }

    /// Puts a character of the reader's own on the stage.
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
            // Another call, which begins with it.
            state.requests = None;
        });
        self.call();
    }

    /// Takes it from the stage.
    pub(super) fn leave(self) {
        // Without requests to come the server ends the call, and the character leaves.
        let _ = self.state.try_update_value(|state| {
            state.own = None;
            state.requests = None;
        });
        let _ = self.own.try_set(None);
    }

    /// Moves a character, as soon as the place before has gone out; a newer one takes its turn.
    pub(super) fn put(self, id: u32, place: Place) {
        let own = self.own_untracked();
        let (was_sending, is_closed) = self
            .state
            .try_update_value(|state| {
                if let Some((_, newest)) = state.own.as_mut().filter(|_| own == Some(id)) {
                    *newest = place;
                }
                state.waiting.insert(id, place);
                let was_sending = std::mem::replace(&mut state.is_sending, true);
                (was_sending, state.requests.is_none())
            })
            .unwrap_or_default();
        if is_closed {
            self.call();
        }
        if !was_sending {
            browser::spawn_abortable(async move {
                while self.send_waiting() {
                    browser::sleep(INTERVAL).await;
                }
            });
        }
    }

    /// Whether there was anything to send.
    fn send_waiting(self) -> bool {
        let sent = self.state.try_update_value(|state| {
            let sample = |(character, place)| Sample {
                character,
                // 0 would be the server's clock, which knows less.
                time_ms: browser::now() as i64 + 1,
                position: Some(to_pos(place)),
                ..Sample::default()
            };
            let waiting = std::mem::take(&mut state.waiting);
            state.is_sending = !waiting.is_empty();
            if let Some(requests) = state.requests.as_ref().filter(|_| !waiting.is_empty()) {
                state.idle_heartbeats = 0;
                // A call that has ended says so itself.
                let _ = requests.unbounded_send(PositionSyncRequest {
                    samples: waiting.into_iter().map(sample).collect(),
                    ..PositionSyncRequest::default()
                });
            }
            state.is_sending
        });
        sent.unwrap_or_default()
    }

    /// Begins a call, and another when it breaks while the reader has a character.
    fn call(self) {
        let (sender, requests) = mpsc::unbounded();
        let own = self.state.try_update_value(|state| {
            state.requests = Some(sender.clone());
            state.idle_heartbeats = 0;
            state.own.clone()
        });
        let (joins, samples) = match own.flatten() {
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
        // The page follows the stage by itself, over the transport that a slow reader can hold.
        let receive = Some(PositionSubRequest::default());
        // The other end is at hand.
        let _ = sender.unbounded_send(PositionSyncRequest {
            joins,
            samples,
            receive,
            ..PositionSyncRequest::default()
        });
        drop(sender);
        // Not with the page: the server is to see the end of the requests.
        browser::spawn_abortable(async move {
            let outcome = self.receive(requests).await;
            self.ended(outcome).await;
        });
    }

    async fn receive(
        self,
        requests: mpsc::UnboundedReceiver<PositionSyncRequest>,
    ) -> Result<(), CallError> {
        let mut updates = api::sync_positions(requests).await?;
        while let Some(update) = updates.next().await {
            let StageUpdate { own, heartbeat, .. } = update?;
            if let Some(own) = own.first() {
                let _ = self.own.try_set(Some(own.id));
                let _ = self.state.try_update_value(|state| state.backoff.reset());
            }
            if heartbeat {
                self.answer_heartbeat();
            }
        }
        Ok(())
    }

    /// Says that the reader's character is still there, or ends a call that is of no use.
    fn answer_heartbeat(self) {
        let _ = self.state.try_update_value(|state| {
            state.idle_heartbeats += 1;
            if state.own.is_none() && state.idle_heartbeats >= IDLE_HEARTBEATS {
                state.requests = None;
            } else if let Some(requests) = &state.requests {
                // A call that has ended says so itself.
                let _ = requests.unbounded_send(PositionSyncRequest {
                    heartbeat: true,
                    ..PositionSyncRequest::default()
                });
            }
        });
    }

    async fn ended(self, outcome: Result<(), CallError>) {
        let Err(error) = outcome else { return };
        let delay = self.state.try_update_value(|state| {
            let is_retried = state.own.is_some() && error == CallError::Unreachable;
            is_retried.then(|| state.backoff.next_delay())
        });
        let Some(delay) = delay else { return };
        if let Some(delay) = delay {
            // The character is stale until then, and its source finds it again.
            browser::sleep(delay).await;
            let still = self.state.try_with_value(|state| state.own.is_some());
            if still == Some(true) {
                self.call();
            }
            return;
        }
        let _ = self.state.try_update_value(|state| {
            state.own = None;
            state.requests = None;
        });
        let _ = self.own.try_set(None);
        let sentence = fill("The character was not moved. {0}", &[&error.sentence()]);
        let _ = self.failure.try_set(Some(sentence));
    }
}
