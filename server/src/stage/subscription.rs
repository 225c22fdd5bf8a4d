//! A subscriber's updates.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use soundstage_proto::encoded::EncodedUpdate;
use soundstage_proto::position::StageUpdate;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::frame::{Frame, Selection};
use super::ids::CallId;

/// The time without a change after which a subscriber receives a heartbeat.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// The characters that a subscriber receives, and the highest rate of updates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interest {
    /// Whether the subscriber receives all characters.
    pub(crate) all: bool,
    /// The ids of the characters to receive, if not all. Sorted, without duplicates.
    pub(crate) characters: Vec<u32>,
    /// The shortest time between two updates.
    pub(crate) min_interval: Duration,
    /// The call whose samples are left out.
    pub(crate) excluded_call: Option<CallId>,
}

impl Interest {
    /// Returns whether no update can match.
    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.characters.is_empty()
    }

    fn selection(&self) -> Selection<'_> {
        match self.excluded_call {
            _ if !self.all => Selection::Characters(&self.characters, self.excluded_call),
            Some(call) => Selection::AllExcept(call),
            None => Selection::All,
        }
    }
}

/// The updates of one subscriber.
#[derive(Debug)]
pub(crate) struct Subscription {
    frames: watch::Receiver<Arc<Frame>>,
    interest: Interest,
    /// The last tick that the subscriber has seen; 0 for none.
    seen: u64,
    /// The time of the last update.
    updated: Instant,
    /// Wakes for a heartbeat. Set again only when it fires, because setting it for each update would cost more than the
    /// update.
    heartbeat: Pin<Box<Sleep>>,
}

impl Subscription {
    pub(super) fn new(mut frames: watch::Receiver<Arc<Frame>>, interest: Interest) -> Self {
        // The current frame is new to this subscriber.
        frames.mark_changed();
        Self {
            frames,
            interest,
            seen: 0,
            updated: Instant::now(),
            heartbeat: Box::pin(sleep(HEARTBEAT_INTERVAL)),
        }
    }

    /// Waits for the next update: the changes since the last call, or a heartbeat after a second without any.
    pub(crate) async fn next(&mut self) -> EncodedUpdate {
        if self.seen > 0 && !self.interest.min_interval.is_zero() {
            sleep_until(self.updated + self.interest.min_interval).await;
        }
        let update = loop {
            tokio::select! {
                biased;
                update = next_change(&mut self.frames, &self.interest, &mut self.seen) => break update,
                () = self.heartbeat.as_mut() => {
                    let due = self.updated + HEARTBEAT_INTERVAL;
                    let now = Instant::now();
                    let next = if due > now { due } else { now + HEARTBEAT_INTERVAL };
                    self.heartbeat.as_mut().reset(next);
                    if due <= now {
                        break heartbeat();
                    }
                }
            }
        };
        self.updated = Instant::now();
        update
    }
}

fn heartbeat() -> EncodedUpdate {
    EncodedUpdate::from(&StageUpdate {
        heartbeat: true,
        ..StageUpdate::default()
    })
}

/// Waits for the next change of a character of interest.
async fn next_change(
    frames: &mut watch::Receiver<Arc<Frame>>,
    interest: &Interest,
    seen: &mut u64,
) -> EncodedUpdate {
    if interest.is_empty() {
        return std::future::pending().await;
    }
    loop {
        if frames.changed().await.is_err() {
            // The stage has ended; the server ends the call shortly.
            return std::future::pending().await;
        }
        let frame = Arc::clone(&frames.borrow_and_update());
        if frame.tick == 0 {
            // The stage has made no frame yet.
            continue;
        }
        let update = frame.update_since(*seen, interest.selection());
        *seen = frame.tick;
        if let Some(update) = update {
            return update;
        }
    }
}
