//! The stage: characters that move, for all who move them and all who watch.
//!
//! What has changed is put together as a [`Frame`], some thirty times a second, which all subscribers share: its bytes are encoded once for
//! however many there are, and one that has missed some takes the newest.

mod character;
mod frame;
mod roster;
mod subscription;
mod walk;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Character, Pos, Sample};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use frame::Frame;
use roster::Roster;
use walk::{Walk, Walker};

pub(crate) use roster::{CallId, JoinError, JoinRequest, MoveError};
pub(crate) use subscription::{Interest, Subscription};

/// What changes goes out at once, but on average no more often than this: a little less than a thirtieth of a second, so that a source that
/// moves thirty times a second and was once late is not late for good.
const INTERVAL: Duration = Duration::from_millis(30);

/// Who moves at the same time is in the same frame.
const COALESCE_WINDOW: Duration = Duration::from_millis(2);

/// A step of the walk waits so long for somebody who moves: longer than from one sample of theirs to the next.
const CALM: Duration = Duration::from_millis(45);

/// How often it is looked whose source is silent.
const LOOKED_AFTER: Duration = Duration::from_millis(100);

/// A handle on the stage; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Stage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    walk: Walk,
    roster: Mutex<Roster>,
    /// Something has changed in the roster.
    changed: Notify,
    frames: watch::Sender<Arc<Frame>>,
}

impl Stage {
    /// The default character alone. A published position holds for `hold`; a source that is silent for so long is stale, and
    /// its characters leave after `leave` more.
    pub(crate) fn new(hold: Duration, leave: Duration) -> Self {
        Self(Arc::new(Shared {
            walk: Walk::new(hold),
            roster: Mutex::new(Roster::new(hold, leave)),
            changed: Notify::new(),
            frames: watch::Sender::default(),
        }))
    }

    /// Where the default character is now.
    pub(crate) fn position(&self) -> Pos {
        self.0.walk.position()
    }

    /// Puts the default character there.
    pub(crate) fn publish(&self, position: Pos) {
        self.0.walk.publish(position);
        self.0.changed.notify_one();
    }

    /// The default character's position now and each change; a reader that is slow sees the newest only.
    pub(crate) fn walker(&self) -> watch::Receiver<Walker> {
        self.0.walk.subscribe()
    }

    /// The characters of this choice, now and as they change.
    pub(crate) fn subscribe(&self, choice: Interest) -> Subscription {
        Subscription::new(self.0.frames.subscribe(), choice)
    }

    /// A call that will move characters.
    pub(crate) fn open(&self) -> Publisher {
        Publisher {
            call: self.roster().open(),
            stage: self.clone(),
        }
    }

    /// Moves the default character and puts frames together, for as long as it is polled.
    pub(crate) async fn run(&self) {
        tokio::join!(self.0.walk.run(), self.send_frames());
    }

    async fn send_frames(&self) {
        let mut walker = self.walker();
        let mut due = Instant::now();
        // The first, for whoever is there already.
        self.0.changed.notify_one();
        // Tick 0 is what somebody has seen who has seen nothing.
        for tick in 1.. {
            // A step of the walk can wait for somebody who moves; or everybody else would wait for it.
            let calm = async {
                let _ = timeout(LOOKED_AFTER, walker.changed()).await;
                sleep(CALM).await;
            };
            tokio::select! {
                () = self.0.changed.notified() => sleep(COALESCE_WINDOW).await,
                () = calm => (),
            }
            walker.mark_unchanged();
            let now = Instant::now();
            if let Some(frame) = self.frame(tick, now) {
                self.0.frames.send_replace(Arc::new(frame));
                // Counted from when it was due: one that was late does not make the next one late.
                due = now.max(due + INTERVAL);
                sleep_until(due).await;
            }
        }
    }

    /// What there is now, if it is not what there was.
    fn frame(&self, tick: u64, now: Instant) -> Option<Frame> {
        let mut roster = self.roster();
        roster.see_walker(self.position(), wall_clock());
        roster.tick(tick, now)
    }

    /// The roster, to change something in it.
    fn change(&self) -> MutexGuard<'_, Roster> {
        let roster = self.roster();
        self.0.changed.notify_one();
        roster
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        // Nothing in there panics half way; and what somebody else's panic has left is better than no stage.
        self.0.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that moves characters. When it is dropped its characters are stale: nobody moves them any more.
#[derive(Debug)]
pub(crate) struct Publisher {
    stage: Stage,
    call: CallId,
}

impl Publisher {
    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    /// Puts a character on the stage, or goes on with that of the same source.
    pub(crate) fn join(&self, joining: JoinRequest) -> Result<Character, JoinError> {
        // Seen with its first sample, unless it is back.
        let mut roster = self.stage.change();
        roster.join(self.call, joining, Instant::now())
    }

    /// Moves characters, all in one frame. Ends at the first that cannot be moved, with its index.
    pub(crate) fn samples(&self, samples: &[(Sample, Pos)]) -> Result<(), (usize, MoveError)> {
        let (now, clock) = (Instant::now(), wall_clock());
        let mut walker = None;
        let mut roster = self.stage.change();
        for (index, (sample, position)) in samples.iter().enumerate() {
            let moved = roster.sample(self.call, sample, *position, now, clock);
            if moved.map_err(|error| (index, error))? == DEFAULT_CHARACTER {
                walker = Some(*position);
            }
        }
        drop(roster);
        if let Some(position) = walker {
            self.stage.publish(position);
        }
        Ok(())
    }

    /// The call's characters are still there.
    pub(crate) fn heartbeat(&self) {
        self.stage.roster().heartbeat(self.call, Instant::now());
    }

    /// One of the call's characters leaves.
    pub(crate) fn leave(&self, character: u32) -> Result<(), MoveError> {
        self.stage.change().leave(self.call, character)
    }

    /// All of the call's characters leave; done when nobody new will see them.
    pub(crate) async fn leave_all(&self) {
        let mut frames = self.stage.0.frames.subscribe();
        let has_left = self.stage.change().leave_all(self.call);
        if has_left {
            // Without another frame the stage has ended.
            let _ = frames.changed().await;
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stage.change().lose(self.call);
    }
}

/// Milliseconds since 1970.
fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
