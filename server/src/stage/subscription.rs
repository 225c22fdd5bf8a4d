//! One who watches the stage.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use soundstage_proto::position::StageUpdate;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::frame::{Frame, Selection};
use super::roster::CallId;

/// A subscriber hears something at least this often.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Whom a subscriber wants to see, and how often.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interest {
    /// All characters.
    pub(crate) all: bool,
    /// These, if not all.
    pub(crate) characters: Vec<u32>,
    /// At least this long from one update to the next.
    pub(crate) interval: Duration,
    /// A call whose own samples are left out.
    pub(crate) except: Option<CallId>,
}

/// The updates of one subscriber, each as the bytes of a [`StageUpdate`].
#[derive(Debug)]
pub(crate) struct Subscription {
    frames: watch::Receiver<Arc<Frame>>,
    choice: Interest,
    /// The tick that it has seen.
    seen: u64,
    /// When it may have the next update.
    due: Instant,
}

impl Subscription {
    pub(super) fn new(mut frames: watch::Receiver<Arc<Frame>>, choice: Interest) -> Self {
        // The frame that there is already is news to it.
        frames.mark_changed();
        Self {
            frames,
            choice,
            seen: 0,
            due: Instant::now(),
        }
    }

    /// The next update: what has changed since the last that was asked for, however long ago that is, or a heartbeat.
    pub(crate) async fn next(&mut self) -> Bytes {
        sleep_until(self.due).await;
        let update = timeout(HEARTBEAT, self.change()).await;
        update.unwrap_or_else(|_| {
            let heartbeat = StageUpdate {
                heartbeat: true,
                ..StageUpdate::default()
            };
            heartbeat.encode_to_vec().into()
        })
    }

    /// The next change among those who were chosen.
    async fn change(&mut self) -> Bytes {
        if !self.choice.all && self.choice.characters.is_empty() {
            return std::future::pending().await;
        }
        loop {
            if self.frames.changed().await.is_err() {
                // The stage has ended, and with it all calls in a moment.
                return std::future::pending().await;
            }
            let frame = Arc::clone(&self.frames.borrow_and_update());
            if frame.tick == 0 {
                // The stage has only just begun.
                continue;
            }
            let update = frame.since(self.seen, self.choice.selection());
            self.seen = frame.tick;
            if let Some(update) = update {
                self.due = Instant::now() + self.choice.interval;
                return update;
            }
        }
    }
}

impl Interest {
    fn selection(&self) -> Selection<'_> {
        match self.except {
            _ if !self.all => Selection::These(&self.characters, self.except),
            Some(call) => Selection::Others(call),
            None => Selection::All,
        }
    }
}
