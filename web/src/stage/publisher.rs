//! Sending where the reader puts the character: one call at a time, always the newest place.

use leptos::prelude::*;

use super::point::Point;
use crate::language::fill;
use crate::{api, browser};

/// Sends places to the stage.
#[derive(Clone, Copy)]
pub(super) struct Publisher {
    waiting: StoredValue<Option<Point>>,
    sending: StoredValue<bool>,
    failure: RwSignal<Option<String>>,
}

impl Publisher {
    pub(super) fn new() -> Self {
        Self {
            waiting: StoredValue::new(None),
            sending: StoredValue::new(false),
            failure: RwSignal::new(None),
        }
    }

    /// Sends this place, as soon as the call before has ended; a newer one takes its turn.
    pub(super) fn send(self, point: Point) {
        self.waiting.set_value(Some(point));
        if !self.sending.get_value() {
            self.sending.set_value(true);
            browser::spawn_abortable(self.send_all());
        }
    }

    /// Why the last place did not reach the stage.
    pub(super) fn failure(self) -> Option<String> {
        self.failure.get()
    }

    async fn send_all(self) {
        // The page may be left while a call is under way; what it holds is gone then.
        while let Some(point) = self.waiting.try_update_value(Option::take).flatten() {
            let failure = api::publish(point.into()).await.err();
            let failure =
                failure.map(|error| fill("The character was not moved. {0}", &[&error.sentence()]));
            let _ = self.failure.try_set(failure);
        }
        let _ = self.sending.try_update_value(|sending| *sending = false);
    }
}
