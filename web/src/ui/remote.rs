//! Data from the server: loading, ready, or failed.

use std::future::Future;

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

/// Data that is fetched again when a signal that the request depends on changes, and retried after errors that are not
/// final.
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
    /// Fetches the data now. It depends on the signals that `fetch` reads before its first wait.
    pub(crate) fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output = Result<T, CallError>> + 'static,
    {
        let data = Self {
            state: RwSignal::new(Remote::Loading),
            attempt: RwSignal::new(0),
        };
        Effect::new(move |_| {
            data.attempt.track();
            let response = fetch();
            // Ends before the next request, so that a late response cannot replace a newer one.
            browser::spawn_scoped(async move {
                let response = response.await;
                data.state
                    .set(response.map_or_else(Remote::Failed, Remote::Ready));
            });
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
