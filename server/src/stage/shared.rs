//! The state that all handles on the stage share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use soundstage_proto::position::Pos;
use tokio::sync::{Notify, watch};

use super::frame::Frame;
use super::roster::Roster;
use super::walk::Walk;

/// The default character, the roster, and the newest frame.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) walk: Walk,
    roster: Mutex<Roster>,
    /// Wakes the fan-out after a change.
    pub(super) changed: Notify,
    pub(super) frames: watch::Sender<Arc<Frame>>,
}

impl Shared {
    pub(super) fn new(hold: Duration, evict_after: Duration) -> Self {
        Self {
            walk: Walk::new(hold),
            roster: Mutex::new(Roster::new(hold, evict_after)),
            changed: Notify::new(),
            frames: watch::Sender::default(),
        }
    }

    /// Moves the default character.
    pub(super) fn publish_default(&self, position: Pos) {
        self.walk.publish(position);
        self.changed.notify_one();
    }

    /// Locks the roster for a change, and wakes the fan-out.
    pub(super) fn change(&self) -> MutexGuard<'_, Roster> {
        let roster = self.roster();
        self.changed.notify_one();
        roster
    }

    /// Locks the roster. Ignores the poison of a panic, because each change leaves the roster consistent.
    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time by the server's clock, in milliseconds since 1970 (UTC).
pub(super) fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
