//! The stream of updates: opened while it is wanted, opened again when it breaks.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt as _};
use leptos::prelude::*;
use soundstage_proto::position::StageUpdate;

use super::recording::Recording;
use super::scene::Scene;
use crate::api::{self, CallError};
use crate::browser;

/// The server says something each second; a stream that does not is dead.
const DEAD: Duration = Duration::from_secs(3);
/// How long a stream that broke is left alone: short at first, for a server that restarts.
pub(super) const RECONNECT_DELAYS: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// What the reader is told of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The first update is on its way.
    Connecting,
    /// Updates arrive.
    Live,
    /// The server is there, and nobody moves.
    Still,
    /// The stream broke and is being opened again.
    Reconnecting,
    /// The reader has stopped it.
    Paused,
}

/// Keeps the scene fed while `wanted`, and says how it goes.
pub(super) fn follow(
    scene: StoredValue<Scene, LocalStorage>,
    recording: StoredValue<Recording, LocalStorage>,
    wanted: Signal<bool>,
) -> Signal<Link> {
    let link = RwSignal::new(Link::Connecting);
    Effect::new(move |_| {
        if wanted.get() {
            link.set(Link::Connecting);
            // Ends before the effect runs again, and with the page.
            browser::spawn_scoped(keep_connected(scene, recording, link));
        } else {
            link.set(Link::Paused);
        }
    });
    // Told apart from what it was only: thirty updates a second are one state.
    Memo::new(move |_| link.get()).into()
}

async fn keep_connected(
    scene: StoredValue<Scene, LocalStorage>,
    recording: StoredValue<Recording, LocalStorage>,
    link: RwSignal<Link>,
) {
    let mut failures = 0;
    loop {
        let outcome = receive(scene, recording, link, &mut failures).await;
        if let Err(CallError::Refused(reason)) = outcome {
            leptos::logging::warn!("the stream of the stage was refused: {reason}");
        }
        link.set(Link::Reconnecting);
        browser::sleep(RECONNECT_DELAYS[failures.min(RECONNECT_DELAYS.len() - 1)]).await;
        failures += 1;
    }
}

/// The next update of a stream; `None` at its end. A dead one fails.
pub(super) async fn next_of(
    mut updates: Pin<&mut impl Stream<Item = Result<StageUpdate, CallError>>>,
) -> Result<Option<StageUpdate>, CallError> {
    match select(updates.next(), pin!(browser::sleep(DEAD))).await {
        Either::Left((update, _)) => update.transpose(),
        Either::Right(_) => Err(CallError::Unreachable),
    }
}

/// Receives until the stream ends or is found dead.
async fn receive(
    scene: StoredValue<Scene, LocalStorage>,
    recording: StoredValue<Recording, LocalStorage>,
    link: RwSignal<Link>,
    failures: &mut usize,
) -> Result<(), CallError> {
    let mut updates = pin!(api::stage().await?);
    let mut is_first = true;
    loop {
        let Some(update) = next_of(updates.as_mut()).await? else {
            return Ok(());
        };
        *failures = 0;
        link.set(if update.heartbeat {
            Link::Still
        } else {
            Link::Live
        });
        let now = browser::now();
        recording.update_value(|recording| recording.note(now, &update));
        scene.update_value(|scene| {
            // Until now the last places from before a break were shown; there is no way to interpolate from them.
            if std::mem::take(&mut is_first) {
                scene.restart();
            }
            scene.take(now, update);
        });
    }
}
