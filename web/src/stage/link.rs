//! Stream of the stage: feeds the scene, and reports its state.

use leptos::prelude::*;
use soundstage_proto::position::StageUpdate;

use super::recording::Recording;
use super::scene::Scene;
use crate::api::{self, Connection};
use crate::browser;

/// State of the stream, as the reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The page waits for the first update.
    Connecting,
    /// Updates arrive.
    Live,
    /// Heartbeats arrive: nobody moves.
    Still,
    /// The stream broke, and the page opens another.
    Reconnecting,
    /// The server rejected the call.
    Failed,
    /// The page is hidden, or the reader has paused the stream.
    Paused,
}

/// Feeds the scene and the recording while the stream is wanted and the page is visible. Returns the state of the stream.
pub(super) fn follow(
    scene: StoredValue<Scene, LocalStorage>,
    recording: StoredValue<Recording, LocalStorage>,
    wanted: Signal<bool>,
) -> Signal<Link> {
    let is_first = StoredValue::new(true);
    let is_still = RwSignal::new(false);
    let connection = api::follow(
        wanted,
        move || {
            is_first.set_value(true);
            api::watch_stage()
        },
        move |update: StageUpdate| {
            // Thirty updates a second are one state.
            if is_still.get_untracked() != update.heartbeat {
                is_still.set(update.heartbeat);
            }
            let now = browser::now();
            recording.update_value(|recording| recording.note(now, &update));
            scene.update_value(|scene| {
                // The scene shows the places from before a break until the first update; then they are of no use.
                if is_first.get_value() {
                    is_first.set_value(false);
                    scene.restart();
                }
                scene.take(now, update);
            });
        },
    );
    let link = move |_: Option<&Link>| match connection.get() {
        Connection::Paused => Link::Paused,
        Connection::Connecting => Link::Connecting,
        Connection::Live if is_still.get() => Link::Still,
        Connection::Live => Link::Live,
        Connection::Reconnecting { .. } => Link::Reconnecting,
        Connection::Failed(_) => Link::Failed,
    };
    Memo::new(link).into()
}
