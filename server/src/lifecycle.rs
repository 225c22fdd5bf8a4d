//! What the server is doing: starting, serving, draining, gone.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::limits;
use crate::store::Store;

/// Shared by everything that must know whether the server is ready or about to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    store: Arc<OnceLock<Store>>,
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
        match (self.draining.is_cancelled(), self.store.get()) {
            (true, _) => Phase::Draining,
            (false, None) => Phase::Starting,
            (false, Some(_)) => Phase::Serving,
        }
    }

    /// The store is open: users can be served.
    pub(crate) fn ready(&self, store: Store) {
        // There is one store a server, so this is never the second.
        let _ = self.store.set(store);
    }

    /// The store, or the status for calls that come before it is open.
    pub(crate) fn store(&self) -> Result<&Store, Status> {
        self.store
            .get()
            .ok_or_else(|| Status::unavailable("the server is starting; try again"))
    }

    /// Ends streams at once and other calls a moment later. Returns without waiting for them.
    pub(crate) fn drain(&self, bound: Duration) {
        self.draining.cancel();
        self.sockets.close();
        let closing = self.closing.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limits::RESPONSE_GRACE.min(bound / 2)).await;
            closing.cancel();
        });
    }
}

/// The status of a call that the drain has ended.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the server is stopping; try again")
}
