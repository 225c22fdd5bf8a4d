//! Data that comes from the server: on its way, there, or failed.

use std::future::Future;
use std::time::Duration;

use leptos::prelude::*;

use crate::api::CallError;
use crate::browser;

/// How long to wait before an unreachable server is tried again: short at first, for one that restarts.
const RETRY_DELAYS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What is known of some data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Remote<T> {
    Loading,
    Ready(T),
    Failed(CallError),
}

/// Data that is asked for again whenever a signal that the request depends on changes, and by itself while the
/// server cannot be reached.
pub(crate) struct RemoteData<T: Send + Sync + 'static> {
    state: RwSignal<Remote<T>>,
    round: RwSignal<u32>,
}

impl<T: Send + Sync + 'static> Clone for RemoteData<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for RemoteData<T> {}

impl<T: Clone + Send + Sync + 'static> RemoteData<T> {
    /// Asks now. Signals that `fetch` reads before its first wait are what it depends on.
    pub(crate) fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output = Result<T, CallError>> + 'static,
    {
        let data = Self {
            state: RwSignal::new(Remote::Loading),
            round: RwSignal::new(0),
        };
        let failures = StoredValue::new(0_usize);
        Effect::new(move |_| {
            data.round.track();
            let answer = fetch();
            // Ends before the next question: the answer to an older one must not replace that to a newer.
            browser::spawn_scoped(async move {
                match answer.await {
                    Err(CallError::Unreachable) => {
                        data.state.set(Remote::Failed(CallError::Unreachable));
                        let failed = failures.get_value();
                        failures.set_value(failed + 1);
                        browser::sleep(RETRY_DELAYS[failed.min(RETRY_DELAYS.len() - 1)]).await;
                        data.reload();
                    }
                    answer => {
                        failures.set_value(0);
                        data.state
                            .set(answer.map_or_else(Remote::Failed, Remote::Ready));
                    }
                }
            });
        });
        data
    }

    /// What is known now.
    pub(crate) fn get(&self) -> Remote<T> {
        self.state.get()
    }

    /// Asks again; what is known stays until the answer comes.
    pub(crate) fn reload(&self) {
        self.round.update(|round| *round += 1);
    }

    /// [`RemoteData::reload`] as a button wants it.
    pub(crate) fn retry(self) -> Callback<()> {
        Callback::new(move |()| self.reload())
    }
}
