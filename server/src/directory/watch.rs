//! Events: the recent changes of users, in order, for every watcher.
//!
//! The log keeps the recent events once, for all watchers; a watcher only remembers the last event that it returned. So
//! a slow watcher costs nothing and delays no other; a watcher that has missed events receives a resync.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soundstage_proto::user::User;
use tokio::sync::watch;

/// The number of events that the log keeps: a few megabytes.
const MAX_EVENTS: usize = 10_000;

/// The number of events that a watcher copies out of the log at once, to take its lock rarely.
const BLOCK: usize = 256;

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The user was added.
    Created,
    /// Some fields of the user have new values.
    Changed,
    /// The user was removed.
    Deleted,
}

/// A change of one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The kind of the change.
    pub kind: EventKind,
    /// The number of the change; consecutive changes have consecutive numbers.
    pub sequence: i64,
    /// The user after the change, or before its removal.
    pub user: User,
}

/// An item of a watch.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// A change.
    Event(Arc<Event>),
    /// The watcher has missed changes up to this sequence number; the caller must read the directory again.
    Resync(i64),
}

/// The log of recent events. A store owns one and appends every committed change.
#[derive(Debug)]
pub struct EventLog {
    events: Mutex<VecDeque<Arc<Event>>>,
    /// The sequence number of the newest change.
    newest: watch::Sender<i64>,
}

impl EventLog {
    /// Returns an empty log that continues after a sequence number.
    pub fn new(newest: i64) -> Self {
        Self {
            events: Mutex::default(),
            newest: watch::Sender::new(newest),
        }
    }

    /// Appends committed changes, in order, and wakes the watchers.
    pub fn append(&self, new: Vec<Event>) {
        let (Some(first), Some(last)) = (new.first(), new.last()) else {
            return;
        };
        let newest = last.sequence;
        let mut events = self.events();
        if first.sequence != *self.newest.borrow() + 1 {
            // Another program has changed the database in between; its changes are unknown.
            events.clear();
        }
        events.extend(new.into_iter().map(Arc::new));
        let surplus = events.len().saturating_sub(MAX_EVENTS);
        events.drain(..surplus);
        drop(events);
        self.newest.send_replace(newest);
    }

    /// Returns a watcher of the events after `sequence`; 0 is the newest event.
    pub fn watch(self: &Arc<Self>, sequence: i64) -> Watcher {
        Watcher {
            newest: self.newest.subscribe(),
            log: self.clone(),
            after: (sequence > 0).then_some(sequence),
            block: Vec::new().into_iter(),
        }
    }

    /// Returns the next events after `sequence`, at most [`BLOCK`]; `None` if the log no longer has the first of them.
    fn after(&self, sequence: i64, newest: i64) -> Option<Vec<Arc<Event>>> {
        let events = self.events();
        let first = events.front().map_or(newest + 1, |event| event.sequence);
        let skip = usize::try_from(sequence + 1 - first).ok()?;
        Some(events.iter().skip(skip).take(BLOCK).cloned().collect())
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader of the log.
#[derive(Debug)]
pub struct Watcher {
    log: Arc<EventLog>,
    newest: watch::Receiver<i64>,
    /// The sequence number of the last item; `None` before the first.
    after: Option<i64>,
    block: std::vec::IntoIter<Arc<Event>>,
}

impl Watcher {
    /// Returns the next item, and waits for it if there is none yet.
    pub async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(event) = self.block.next() {
                self.after = Some(event.sequence);
                return WatchItem::Event(event);
            }
            let newest = *self.newest.borrow_and_update();
            let block = match self.after {
                // A number above the newest comes from another database.
                Some(after) if after <= newest => self.log.after(after, newest),
                _ => None,
            };
            match block {
                None => {
                    self.after = Some(newest);
                    return WatchItem::Resync(newest);
                }
                Some(block) if block.is_empty() => {
                    // Cannot fail: the watcher holds the log, and with it the sender.
                    let _ = self.newest.changed().await;
                }
                Some(block) => self.block = block.into_iter(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(sequences: std::ops::RangeInclusive<i64>) -> Vec<Event> {
        let event = |sequence| Event {
            kind: EventKind::Changed,
            sequence,
            user: User::default(),
        };
        sequences.map(event).collect()
    }

    /// Returns the sequence number of the next item, negated for a resync.
    async fn next(watcher: &mut Watcher) -> i64 {
        match watcher.next().await {
            WatchItem::Event(event) => event.sequence,
            WatchItem::Resync(sequence) => -sequence,
        }
    }

    #[tokio::test]
    async fn a_watcher_gets_each_event_once_and_resumes_after_a_number() {
        let log = Arc::new(EventLog::new(5));
        let mut fresh = log.watch(0);
        assert_eq!(next(&mut fresh).await, -5);
        log.append(events(6..=8));
        for expected in 6..=8 {
            assert_eq!(next(&mut fresh).await, expected);
        }
        let mut resumed = log.watch(6);
        assert_eq!(next(&mut resumed).await, 7);
        let mut from_the_start = log.watch(5);
        assert_eq!(next(&mut from_the_start).await, 6);
    }

    #[tokio::test]
    async fn a_watcher_that_missed_events_gets_a_resync_and_continues() {
        let log = Arc::new(EventLog::new(5));
        let mut slow = log.watch(5);
        let newest = 6 + MAX_EVENTS as i64;
        log.append(events(6..=newest));
        assert_eq!(next(&mut slow).await, -newest);
        for unknown in [4, 1_000_000] {
            let mut watcher = log.watch(unknown);
            assert_eq!(next(&mut watcher).await, -newest, "{unknown}");
        }
        let mut in_time = log.watch(6);
        assert_eq!(next(&mut in_time).await, 7, "the log keeps its last events");
        log.append(events(newest + 1..=newest + 1));
        assert_eq!(next(&mut slow).await, newest + 1);
    }

    #[tokio::test]
    async fn a_gap_left_by_another_program_is_a_resync() {
        let log = Arc::new(EventLog::new(5));
        let mut watcher = log.watch(5);
        log.append(events(8..=9));
        assert_eq!(next(&mut watcher).await, -9);
    }
}
