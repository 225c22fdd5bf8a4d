//! What the server is doing: starting, serving, draining, gone.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::directory::Directory;

/// How long a call whose answer is not out yet may go on once the server drains: unary calls take milliseconds, and
/// one that waits for its client would otherwise hold the drain for its whole time.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Shared by everything that must know whether the server is ready or about to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    directory: Arc<OnceLock<Directory>>,
    /// Nothing new is accepted; streams end.
    pub(crate) draining: CancellationToken,
    /// Calls that have not answered yet end.
    pub(crate) closing: CancellationToken,
    /// What is still open is dropped.
    pub(crate) cut: CancellationToken,
    /// WebSockets, which have left the connections they came on.
    pub(crate) sockets: TaskTracker,
}

/// What [`Lifecycle::phase`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Serving,
    Draining,
}

impl Lifecycle {
    pub(crate) fn phase(&self) -> Phase {
        match (self.draining.is_cancelled(), self.directory.get()) {
            (true, _) => Phase::Draining,
            (false, None) => Phase::Starting,
            (false, Some(_)) => Phase::Serving,
        }
    }

    /// Makes the directory available to calls.
    pub(crate) fn ready(&self, directory: Directory) {
        // Called once for each server, so the cell is empty.
        let _ = self.directory.set(directory);
    }

    /// Returns the directory, or the status for calls that arrive before it is open.
    pub(crate) fn directory(&self) -> Result<&Directory, Status> {
        self.directory
            .get()
            .ok_or_else(|| Status::unavailable("the server is starting; try again"))
    }

    /// Ends streams at once and other calls a moment later. Returns without waiting for them.
    pub(crate) fn drain(&self, bound: Duration) {
        self.draining.cancel();
        self.sockets.close();
        let closing = self.closing.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_ANSWERS.min(bound / 2)).await;
            closing.cancel();
        });
    }
}

/// The status of a call that the drain has ended.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the server is stopping; try again")
}
