//! A call that publishes characters.

use std::net::IpAddr;
use std::sync::Arc;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Character, Pos, Sample};
use tokio::time::Instant;

use super::ids::{CallId, Owner};
use super::requests::{JoinError, JoinRequest, MoveError};
use super::shared::{Shared, wall_clock};

/// A call that publishes characters. Dropping it disconnects the call: its characters become stale.
#[derive(Debug)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    owner: Owner,
}

impl Publisher {
    pub(super) fn open(shared: Arc<Shared>, address: Option<IpAddr>) -> Self {
        let owner = shared.roster().open_call(address);
        Self { shared, owner }
    }

    pub(crate) fn call(&self) -> CallId {
        self.owner.call
    }

    /// Puts a character on the stage, or resumes the character of the same source.
    pub(crate) fn join(&self, request: JoinRequest) -> Result<Character, JoinError> {
        let mut roster = self.shared.change();
        roster.join(self.owner, request, Instant::now())
    }

    /// Applies samples, all in one frame. Stops at the first sample that is rejected, and returns its index.
    pub(crate) fn apply_samples(
        &self,
        samples: &[(Sample, Pos)],
    ) -> Result<(), (usize, MoveError)> {
        let (now, clock) = (Instant::now(), wall_clock());
        let mut default_position = None;
        let mut roster = self.shared.change();
        for (index, (sample, position)) in samples.iter().enumerate() {
            let moved = roster.apply_sample(self.owner.call, sample, *position, now, clock);
            if moved.map_err(|error| (index, error))? == DEFAULT_CHARACTER {
                default_position = Some(*position);
            }
        }
        drop(roster);
        if let Some(position) = default_position {
            self.shared.publish_default(position);
        }
        Ok(())
    }

    /// Keeps the call's characters fresh.
    pub(crate) fn heartbeat(&self) {
        self.shared
            .roster()
            .heartbeat(self.owner.call, Instant::now());
    }

    /// Removes one of the call's characters.
    pub(crate) fn leave(&self, character: u32) -> Result<(), MoveError> {
        self.shared.change().leave(self.owner.call, character)
    }

    /// Removes all of the call's characters, and waits for the first frame without them.
    pub(crate) async fn leave_all(&self) {
        let mut frames = self.shared.frames.subscribe();
        let has_left = self.shared.change().leave_all(self.owner.call);
        if has_left {
            // Fails only when the stage has ended.
            let _ = frames.changed().await;
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.change().disconnect(self.owner.call);
    }
}
