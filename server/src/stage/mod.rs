//! The stage: characters that move, the calls that publish them, and the subscribers that watch.
//!
//! Changes are collected in the [`Roster`](roster::Roster). About thirty times a second the changes become a
//! [`Frame`](frame::Frame), which all subscribers share: an update is encoded once, however many receive it. A
//! subscriber that has missed frames receives the newest state.

mod character;
mod encoding;
mod fan_out;
mod frame;
mod ids;
mod index;
mod publisher;
mod recent_leaves;
mod relay;
mod requests;
mod roster;
mod shared;
mod subscription;
mod walk;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use soundstage_proto::position::Pos;
use tokio::sync::watch;

use crate::limits::MAX_STAY;
use shared::Shared;
use walk::Walker;

pub(crate) use publisher::Publisher;
pub(crate) use requests::{JoinError, JoinRequest, MoveError};
pub(crate) use subscription::{Interest, Subscription};

/// A handle on the stage; clones share the stage.
#[derive(Debug, Clone)]
pub(crate) struct Stage(Arc<Shared>);

impl Stage {
    /// Creates a stage with the default character alone. A published position holds for `hold`. A character whose
    /// source is silent for `hold` is stale, and is evicted `evict_after` later. A time of more than a year counts as a
    /// year.
    pub(crate) fn new(hold: Duration, evict_after: Duration) -> Self {
        let [hold, evict_after] = [hold, evict_after].map(|time| time.min(MAX_STAY));
        Self(Arc::new(Shared::new(hold, evict_after)))
    }

    /// Returns the current position of the default character.
    pub(crate) fn position(&self) -> Pos {
        self.0.walk.position()
    }

    /// Moves the default character.
    pub(crate) fn publish(&self, position: Pos) {
        self.0.publish_default(position);
    }

    /// Watches the default character. A slow reader sees the newest position only.
    pub(crate) fn watch_default(&self) -> watch::Receiver<Walker> {
        self.0.walk.subscribe()
    }

    /// Watches the characters of interest.
    pub(crate) fn subscribe(&self, interest: Interest) -> Subscription {
        Subscription::new(relay::subscribe(&self.0), interest)
    }

    /// Opens a call that publishes characters. `address` is the client's, if known.
    pub(crate) fn open_publisher(&self, address: Option<IpAddr>) -> Publisher {
        Publisher::open(Arc::clone(&self.0), address)
    }

    /// Passes frames on to the subscribers of this thread, for as long as it is polled. A thread has one relay at most.
    pub(crate) async fn relay(&self) -> Infallible {
        relay::run(&self.0).await
    }

    /// Moves the default character and makes frames, for as long as it is polled.
    pub(crate) async fn run(&self) {
        tokio::join!(self.0.walk.run(), fan_out::run(&self.0));
    }
}
