//! What has changed, told in order to whoever watches.
//!
//! The last events are kept once, for all watchers; each only remembers how far it has come. So one that is slow costs
//! nothing, holds nobody, and is told in so many words when what comes next is no longer known.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soundstage_proto::user::User;
use tokio::sync::watch;

/// How many events are kept: some megabytes.
const KEPT: usize = 10_000;

/// How many events a watcher takes at once.
const BLOCK: usize = 256;

/// What happened to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It was added.
    Created,
    /// Some of its fields have other values.
    Changed,
    /// It was removed.
    Deleted,
}

/// One change of one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its place among all changes; the one after it has the next number.
    pub sequence: i64,
    /// The user as it is now, or as it was before it was removed.
    pub user: User,
}

/// What a watcher hears.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// One change.
    Event(Arc<Event>),
    /// Changes up to this sequence number are not told one by one.
    Resync(i64),
}

/// The last changes.
#[derive(Debug)]
pub(super) struct Events {
    kept: Mutex<VecDeque<Arc<Event>>>,
    /// The sequence number of the newest change.
    newest: watch::Sender<i64>,
}

impl Events {
    /// Begins with nothing to tell about what was before.
    pub(super) fn new(newest: i64) -> Self {
        Self {
            kept: Mutex::default(),
            newest: watch::Sender::new(newest),
        }
    }

    /// Tells changes that have been committed, in order.
    pub(super) fn publish(&self, events: Vec<Event>) {
        let Some(newest) = events.last().map(|event| event.sequence) else {
            return;
        };
        let mut kept = self.kept();
        if events[0].sequence != *self.newest.borrow() + 1 {
            // Another program has written to the file in between: what it did is not known.
            kept.clear();
        }
        kept.extend(events.into_iter().map(Arc::new));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        drop(kept);
        self.newest.send_replace(newest);
    }

    /// What happens after `sequence`; 0 is now.
    pub(super) fn watch(self: Arc<Self>, sequence: i64) -> Watcher {
        Watcher {
            newest: self.newest.subscribe(),
            events: self,
            after: (sequence > 0).then_some(sequence),
            block: Vec::new().into_iter(),
        }
    }

    /// The events after `sequence`, as many as a watcher takes at once. `None` if the first of them is not kept.
    fn after(&self, sequence: i64, newest: i64) -> Option<Vec<Arc<Event>>> {
        let kept = self.kept();
        let first = kept.front().map_or(newest + 1, |event| event.sequence);
        let passed = usize::try_from(sequence + 1 - first).ok()?;
        Some(kept.iter().skip(passed).take(BLOCK).cloned().collect())
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears of changes, in order.
#[derive(Debug)]
pub struct Watcher {
    events: Arc<Events>,
    newest: watch::Receiver<i64>,
    /// The last change heard of, if any.
    after: Option<i64>,
    block: std::vec::IntoIter<Arc<Event>>,
}

impl Watcher {
    /// The next change, as soon as there is one.
    pub async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(event) = self.block.next() {
                self.after = Some(event.sequence);
                return WatchItem::Event(event);
            }
            let newest = *self.newest.borrow_and_update();
            let block = match self.after {
                // A number that is yet to come was another file's.
                Some(after) if after <= newest => self.events.after(after, newest),
                _ => None,
            };
            match block {
                None => {
                    self.after = Some(newest);
                    return WatchItem::Resync(newest);
                }
                Some(block) if block.is_empty() => {
                    // Cannot fail, since the sender is among what this holds.
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

    async fn hear(watcher: &mut Watcher) -> i64 {
        match watcher.next().await {
            WatchItem::Event(event) => event.sequence,
            WatchItem::Resync(sequence) => -sequence,
        }
    }

    #[tokio::test]
    async fn each_change_is_heard_once_from_where_a_watcher_was() {
        let all = Arc::new(Events::new(5));
        let mut fresh = all.clone().watch(0);
        assert_eq!(hear(&mut fresh).await, -5);
        all.publish(events(6..=8));
        for expected in 6..=8 {
            assert_eq!(hear(&mut fresh).await, expected);
        }
        let mut resumed = all.clone().watch(6);
        assert_eq!(hear(&mut resumed).await, 7);
        let mut from_the_start = all.clone().watch(5);
        assert_eq!(hear(&mut from_the_start).await, 6);
    }

    #[tokio::test]
    async fn who_missed_some_is_told_so_and_goes_on() {
        let all = Arc::new(Events::new(5));
        let mut slow = all.clone().watch(5);
        all.publish(events(6..=6 + KEPT as i64));
        assert_eq!(hear(&mut slow).await, -(6 + KEPT as i64));
        for unknown in [4, 1_000_000] {
            let mut watcher = all.clone().watch(unknown);
            assert_eq!(hear(&mut watcher).await, -(6 + KEPT as i64), "{unknown}");
        }
        all.publish(events(7 + KEPT as i64..=7 + KEPT as i64));
        assert_eq!(hear(&mut slow).await, 7 + KEPT as i64);
    }

    #[tokio::test]
    async fn what_another_program_did_is_told_as_missed() {
        let all = Arc::new(Events::new(5));
        let mut watcher = all.clone().watch(5);
        all.publish(events(8..=9));
        assert_eq!(hear(&mut watcher).await, -9);
    }
}
