//! The newest frame, passed on by one task of each worker.
//!
//! Waking a task of another thread locks that thread's queue and makes a system call. So a worker has one task that
//! waits for the frames of the stage, and wakes the subscribers of its thread, each by an entry in a local queue.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;

use super::frame::Frame;
use super::shared::Shared;

thread_local! {
    /// The frames that the relay of this thread passes on; `None` without a relay.
    static FRAMES: RefCell<Option<watch::Sender<Arc<Frame>>>> = const { RefCell::new(None) };
}

/// Passes frames on to the subscribers of this thread, for as long as it is polled.
pub(super) async fn run(shared: &Shared) -> Infallible {
    let mut frames = shared.frames.subscribe();
    let relayed = watch::Sender::new(frames.borrow_and_update().clone());
    FRAMES.set(Some(relayed.clone()));
    let _end = End;
    // The sender is in `shared`, so this does not end.
    while frames.changed().await.is_ok() {
        relayed.send_replace(frames.borrow_and_update().clone());
    }
    std::future::pending().await
}

/// Ends the relay of this thread when dropped.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        FRAMES.set(None);
    }
}

/// Returns the frames for a subscriber of this thread.
pub(super) fn subscribe(shared: &Shared) -> watch::Receiver<Arc<Frame>> {
    let newest = shared.frames.borrow().tick;
    FRAMES.with_borrow(|relayed| match relayed {
        // The relay may be about to pass on a frame that the caller has waited for.
        Some(relayed) if relayed.borrow().tick == newest => relayed.subscribe(),
        _ => shared.frames.subscribe(),
    })
}
