//! The stream of positions: opened while it is wanted, opened again when it breaks.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use leptos::prelude::*;

use super::scene::Scene;
use crate::api::{self, CallError};
use crate::browser;

/// A stream that says nothing for this long is looked after: nobody may be moving, or the connection may be dead.
const QUIET: Duration = Duration::from_secs(2);
/// How long a stream that broke is left alone: short at first, for a server that restarts.
const RECONNECT_DELAYS: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// What the reader is told of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The first sample is on its way.
    Connecting,
    /// Samples arrive.
    Live,
    /// The server answers, and nobody moves.
    Still,
    /// The stream broke and is being opened again.
    Reconnecting,
    /// The reader has stopped it.
    Paused,
}

/// Keeps the scene fed while `wanted`, and says how it goes.
pub(super) fn follow(
    scene: StoredValue<Scene, LocalStorage>,
    wanted: Signal<bool>,
) -> Signal<Link> {
    let link = RwSignal::new(Link::Connecting);
    Effect::new(move |_| {
        if wanted.get() {
            link.set(Link::Connecting);
            // Ends before the effect runs again, and with the page.
            browser::spawn_scoped(keep_connected(scene, link));
        } else {
            link.set(Link::Paused);
        }
    });
    link.into()
}

async fn keep_connected(scene: StoredValue<Scene, LocalStorage>, link: RwSignal<Link>) {
    let mut failures = 0;
    loop {
        let outcome = receive(scene, link, &mut failures).await;
        if let Err(CallError::Refused(reason)) = outcome {
            leptos::logging::warn!("the stream of positions was refused: {reason}");
        }
        link.set(Link::Reconnecting);
        browser::sleep(RECONNECT_DELAYS[failures.min(RECONNECT_DELAYS.len() - 1)]).await;
        failures += 1;
    }
}

/// Receives until the stream ends or is found dead.
async fn receive(
    scene: StoredValue<Scene, LocalStorage>,
    link: RwSignal<Link>,
    failures: &mut usize,
) -> Result<(), CallError> {
    let mut positions = pin!(api::positions().await?);
    let mut is_first = true;
    loop {
        match select(positions.next(), pin!(browser::sleep(QUIET))).await {
            Either::Left((Some(position), _)) => {
                let position = position?;
                *failures = 0;
                scene.update_value(|scene| {
                    // Until now the last place from before a break was shown; there is no way to interpolate from it.
                    if std::mem::take(&mut is_first) {
                        scene.restart();
                    }
                    scene.sample(browser::now(), position.into());
                });
                link.set(Link::Live);
            }
            Either::Left((None, _)) => return Ok(()),
            Either::Right(_) => {
                api::ping_stage().await?;
                link.set(Link::Still);
            }
        }
    }
}
