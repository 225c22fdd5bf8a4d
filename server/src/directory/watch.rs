//! Events: the recent changes of users, in order, for every watcher.
//!
//! The log keeps the recent events once, for all watchers; a watcher only remembers the last event that it returned. So
//! a slow watcher costs nothing and delays no other; a watcher that has missed events receives a resync.
//!
//! The events and the newest sequence number change under one lock, so no watcher can see one without the other. A
//! separate thread wakes the watchers, a few at a time. So thousands of watchers delay neither the writer nor the calls
//! on the same worker threads, and one wake-up covers all changes in the meantime.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use soundstage_proto::user::User;
use tokio::sync::watch;

/// The number of events that the log keeps: a few megabytes.
const MAX_EVENTS: usize = 10_000;

/// The number of events that a watcher copies out of the log at a time, so that it takes the lock rarely.
const BLOCK: usize = 256;

/// The number of groups of watchers. The watchers of a group are woken together.
const GROUPS: usize = 256;

/// The number of watchers that are woken before a pause: a worker thread serves this many in about a millisecond.
const WAKE_BATCH: usize = 64;

/// The pause between two batches of wake-ups, in which the worker threads serve other calls.
const WAKE_PAUSE: Duration = Duration::from_millis(1);

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
    recent: Mutex<Recent>,
    wake_ups: Arc<WakeUps>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Recent {
    events: VecDeque<Arc<Event>>,
    /// The sequence number of the newest change.
    newest: i64,
}

impl EventLog {
    /// Returns an empty log that continues after a sequence number.
    pub fn new(newest: i64) -> Self {
        let wake_ups = Arc::new(WakeUps::default());
        let of_thread = wake_ups.clone();
        Self {
            recent: Mutex::new(Recent {
                events: VecDeque::new(),
                newest,
            }),
            wake_ups,
            thread: Some(std::thread::spawn(move || of_thread.run())),
        }
    }

    /// Appends committed changes, in order, and wakes the watchers.
    pub fn append(&self, new: Vec<Event>) {
        let (Some(first), Some(last)) = (new.first(), new.last()) else {
            return;
        };
        let newest = last.sequence;
        {
            let mut recent = self.recent();
            if first.sequence != recent.newest + 1 {
                // Another program has changed the database in between; its changes are unknown.
                recent.events.clear();
            }
            recent.events.extend(new.into_iter().map(Arc::new));
            let surplus = recent.events.len().saturating_sub(MAX_EVENTS);
            recent.events.drain(..surplus);
            recent.newest = newest;
        }
        self.wake_ups.request();
    }

    /// Returns a watcher of the events after `sequence`; 0 is the newest event.
    pub fn watch(self: &Arc<Self>, sequence: i64) -> Watcher {
        Watcher {
            woken: self.wake_ups.subscribe(),
            log: self.clone(),
            after: (sequence > 0).then_some(sequence),
            block: Vec::new().into_iter(),
        }
    }

    /// Returns the next events after a sequence number, at most [`BLOCK`].
    ///
    /// # Errors
    /// Returns the newest sequence number if the log does not have the first of these events.
    fn after(&self, sequence: Option<i64>) -> Result<Vec<Arc<Event>>, i64> {
        let Recent { events, newest } = &*self.recent();
        let before_first = events.front().map_or(*newest, |event| event.sequence - 1);
        // A number above the newest comes from another database.
        let sequence = sequence
            .filter(|sequence| (before_first..=*newest).contains(sequence))
            .ok_or(*newest)?;
        let seen = usize::try_from(sequence - before_first).unwrap_or(usize::MAX);
        Ok(events.iter().skip(seen).take(BLOCK).cloned().collect())
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.wake_ups.state().is_closed = true;
        self.wake_ups.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported a panic of the thread.
            let _ = thread.join();
        }
    }
}

/// The groups of watchers, and the state of the thread that wakes them.
#[derive(Debug)]
struct WakeUps {
    groups: Vec<watch::Sender<()>>,
    next_group: AtomicUsize,
    state: Mutex<WakeUpState>,
    /// Wakes the thread when a wake-up is requested or the log is dropped.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WakeUpState {
    is_due: bool,
    is_closed: bool,
}

impl Default for WakeUps {
    fn default() -> Self {
        Self {
            groups: (0..GROUPS).map(|_| watch::Sender::default()).collect(),
            next_group: AtomicUsize::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl WakeUps {
    /// Adds a watcher to the next group.
    fn subscribe(&self) -> watch::Receiver<()> {
        let next = self.next_group.fetch_add(1, Ordering::Relaxed);
        self.groups[next % GROUPS].subscribe()
    }

    /// Asks the thread to wake the watchers, if there are any. A watcher that subscribes meanwhile reads the log before
    /// it waits, so it misses no event.
    fn request(&self) {
        if self.groups.iter().any(|group| group.receiver_count() > 0) {
            self.state().is_due = true;
            self.changed.notify_one();
        }
    }

    /// Wakes the watchers after each request, until the log is dropped.
    fn run(&self) {
        while self.wait() {
            let mut woken = 0;
            for group in &self.groups {
                let watchers = group.receiver_count();
                if woken > 0 && woken + watchers > WAKE_BATCH {
                    std::thread::sleep(WAKE_PAUSE);
                    woken = 0;
                }
                if watchers > 0 {
                    group.send_replace(());
                    woken += watchers;
                }
            }
        }
    }

    /// Waits for a request. Returns whether the log still exists.
    fn wait(&self) -> bool {
        let waits = |state: &mut WakeUpState| !state.is_due && !state.is_closed;
        let waited = self.changed.wait_while(self.state(), waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_due = false;
        !state.is_closed
    }

    fn state(&self) -> MutexGuard<'_, WakeUpState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader of the log.
#[derive(Debug)]
pub struct Watcher {
    log: Arc<EventLog>,
    woken: watch::Receiver<()>,
    /// The sequence number of the last item; `None` before the first.
    after: Option<i64>,
    block: std::vec::IntoIter<Arc<Event>>,
}

impl Watcher {
    /// Returns the next item, and waits for it if there is none yet. No item is lost if the future is dropped.
    pub async fn next(&mut self) -> WatchItem {
        loop {
            if let Some(event) = self.block.next() {
                self.after = Some(event.sequence);
                return WatchItem::Event(event);
            }
            // Marks the channel before reading the log, so that a later change ends the wait.
            self.woken.mark_unchanged();
            match self.log.after(self.after) {
                Err(newest) => {
                    self.after = Some(newest);
                    return WatchItem::Resync(newest);
                }
                Ok(block) if block.is_empty() => {
                    // Cannot fail: the watcher holds the log, and with it the sender.
                    let _ = self.woken.changed().await;
                }
                Ok(block) => self.block = block.into_iter(),
            }
        }
    }

    /// Returns the sequence number of the last item; 0 before the first.
    pub fn sequence(&self) -> i64 {
        self.after.unwrap_or_default()
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
