//! Data from the server: loading, ready, or failed.

use std::future::Future;

use futures_util::future::AbortHandle;
use leptos::prelude::*;

use crate::api::{self, CallError};
use crate::browser;

/// State of some data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Remote<T> {
    Loading,
    Ready(T),
    Failed(CallError),
}

/// Data that is fetched again when a signal that announces changes changes, and retried after errors that are not final.
pub(crate) struct RemoteData<T: Send + Sync + 'static> {
    state: RwSignal<Remote<T>>,
    attempt: RwSignal<u32>,
}

impl<T: Send + Sync + 'static> Clone for RemoteData<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for RemoteData<T> {}

impl<T: Clone + Send + Sync + 'static> RemoteData<T> {
    /// Fetches the data now, and again when a signal changes that `fetch` reads before its first wait. A change during a
    /// request does not restart the request, which might never end then; the data is fetched again after the response.
    pub(crate) fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output = Result<T, CallError>> + 'static,
    {
        let data = Self {
            state: RwSignal::new(Remote::Loading),
            attempt: RwSignal::new(0),
        };
        let in_flight = StoredValue::new(None::<AbortHandle>);
        let is_outdated = StoredValue::new(false);
        Effect::new(move |_| {
            data.attempt.track();
            let request = fetch();
            if in_flight.with_value(Option::is_some) {
                is_outdated.set_value(true);
                return;
            }
            let handle = browser::spawn_abortable(async move {
                let response = request.await;
                in_flight.set_value(None);
                data.state
                    .set(response.map_or_else(Remote::Failed, Remote::Ready));
                if is_outdated.try_update_value(std::mem::take) == Some(true) {
                    data.attempt.update(|attempt| *attempt += 1);
                }
            });
            in_flight.set_value(Some(handle));
        });
        on_cleanup(move || {
            if let Some(handle) = in_flight.try_update_value(Option::take).flatten() {
                handle.abort();
            }
        });
        api::retry_while_failed(Signal::derive(move || data.failure()), data.retry());
        data
    }

    /// Returns the state, and tracks it.
    pub(crate) fn get(&self) -> Remote<T> {
        self.state.get()
    }

    /// Returns a callback that fetches the data again. The state stays until the response arrives.
    pub(crate) fn retry(self) -> Callback<()> {
        Callback::new(move |()| self.attempt.update(|attempt| *attempt += 1))
    }

    fn failure(&self) -> Option<CallError> {
        self.state.with(|state| match state {
            Remote::Failed(error) => Some(error.clone()),
            Remote::Loading | Remote::Ready(_) => None,
        })
    }
}
