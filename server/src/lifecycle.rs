//! The phases of the server: starting, serving, draining.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::directory::Directory;
use crate::limits;

/// The state that every part of the server shares. The drain cancels the three tokens in the order of the fields.
///
/// Each call clones the handle. A clone of each token would take its lock, which all threads share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle(Arc<State>);

/// The fields of a [`Lifecycle`].
#[derive(Debug, Default)]
pub(crate) struct State {
    directory: OnceLock<Directory>,
    /// Set just before `draining` is cancelled. Every frame of a stream asks, and asking the token takes its lock.
    is_draining: AtomicBool,
    /// Ends the acceptor, and each stream once its handler is pending or its client has received two messages.
    pub(crate) draining: CancellationToken,
    /// Ends the calls that have not responded yet.
    pub(crate) closing: CancellationToken,
    /// Drops the connections and WebSockets that are still open.
    pub(crate) abort: CancellationToken,
    /// The tasks of the WebSockets, which outlive the connections they were upgraded from.
    pub(crate) sockets: TaskTracker,
}

impl Deref for Lifecycle {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

/// The result of [`Lifecycle::phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Serving,
    Draining,
}

impl Lifecycle {
    pub(crate) fn phase(&self) -> Phase {
        match (self.is_draining(), self.directory.get()) {
            (true, _) => Phase::Draining,
            (false, None) => Phase::Starting,
            (false, Some(_)) => Phase::Serving,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Hands the open directory to the services.
    pub(crate) fn ready(&self, directory: Directory) {
        // A server opens one directory, so the cell is empty.
        let _ = self.directory.set(directory);
    }

    /// Returns the directory, or `UNAVAILABLE` until it is open.
    pub(crate) fn directory(&self) -> Result<&Directory, Status> {
        self.directory
            .get()
            .ok_or_else(|| Status::unavailable("the server is starting; try again"))
    }

    /// Ends streams now, and other calls after [`limits::RESPONSE_GRACE`] or half of `bound`, whichever is shorter.
    /// Returns immediately.
    pub(crate) fn drain(&self, bound: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.draining.cancel();
        self.sockets.close();
        let closing = self.closing.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limits::RESPONSE_GRACE.min(bound / 2)).await;
            closing.cancel();
        });
    }
}

/// Returns the status of a call that the drain ends.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the server is stopping; try again")
}
