//! Signals that users have changed.

use leptos::prelude::*;

/// Counters of changes, for views that fetch users again. They exist as long as the application.
#[derive(Clone, Copy)]
pub(super) struct ChangeSignals {
    /// Counts changes by any client; several in a row count once.
    pub(super) by_anyone: RwSignal<u32>,
    /// Counts changes by this page, which the table shows at once.
    pub(super) local: RwSignal<u32>,
}

impl ChangeSignals {
    pub(super) fn new() -> Self {
        Self {
            by_anyone: RwSignal::new(0),
            local: RwSignal::new(0),
        }
    }

    /// Notifies the views of a change by this page. Call this after the server confirms the change.
    pub(super) fn notify(self) {
        self.local.update(|local| *local += 1);
    }
}
