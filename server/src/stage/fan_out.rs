//! The loop that turns changes into frames.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::frame::Frame;
use super::shared::{Shared, wall_clock};

/// The least average time between two frames. Slightly under 1/30 s, so that a 30 Hz source that was late once can
/// catch up.
const FRAME_INTERVAL: Duration = Duration::from_millis(30);

/// How long a frame waits after the first change, so that sources that move at the same time share it.
const COALESCE_WINDOW: Duration = Duration::from_millis(2);

/// How long a step of the walk waits for a sample to share its frame. Longer than the time between two samples of a 30
/// Hz source: a frame for the step alone would delay that source's next sample.
const WALK_DELAY: Duration = Duration::from_millis(45);

/// How long the fan-out waits for a step of the walk before it checks for stale characters anyway.
const STALENESS_CHECK: Duration = Duration::from_millis(100);

/// Makes a frame after each change, for as long as it is polled.
pub(super) async fn run(shared: &Shared) {
    let mut walker = shared.walk.subscribe();
    let mut due = Instant::now();
    // Makes the first frame, with the default character.
    shared.changed.notify_one();
    // A subscriber that has seen nothing has seen tick 0.
    for tick in 1.. {
        let quiet = async {
            let _ = timeout(STALENESS_CHECK, walker.changed()).await;
            sleep(WALK_DELAY).await;
        };
        tokio::select! {
            () = shared.changed.notified() => sleep(COALESCE_WINDOW).await,
            () = quiet => (),
        }
        walker.mark_unchanged();
        let now = Instant::now();
        if let Some(frame) = next_frame(shared, tick, now) {
            shared.frames.send_replace(Arc::new(frame));
            // Counts from when this frame was due, so that a late frame does not delay the next.
            due = now.max(due + FRAME_INTERVAL);
            sleep_until(due).await;
        }
    }
}

/// Advances the roster; returns `None` if nothing has changed.
fn next_frame(shared: &Shared, tick: u64, now: Instant) -> Option<Frame> {
    let mut roster = shared.roster();
    roster.move_default(shared.walk.position(), wall_clock());
    roster.advance(tick, now)
}
