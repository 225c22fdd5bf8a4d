//! A character on the stage, as the page shows it.

use soundstage_proto::position::{Character, Sample};

use super::place::{Place, from_pos};
use super::playout::{Playout, ReceivedSample};
use super::trail::Trail;

/// A character on the stage.
#[derive(Debug, Default)]
pub(super) struct Actor {
    pub(super) name: String,
    pub(super) user_id: u32,
    pub(super) is_stale: bool,
    /// Whether the reader has hidden the character: it is neither drawn nor heard.
    pub(super) is_hidden: bool,
    playout: Playout,
    pub(super) trail: Trail,
}

impl Actor {
    /// Copies the server's description of the character.
    pub(super) fn describe(&mut self, character: Character) {
        let Character {
            id: _,
            name,
            user_id,
            stale,
            source: _,
        } = character;
        (self.name, self.user_id, self.is_stale) = (name, user_id, stale);
    }

    /// Adds a sample that arrived at `now` (milliseconds). Returns its place and its delay above the minimum in
    /// milliseconds; `None` for a duplicate or an outdated sample.
    pub(super) fn receive(&mut self, now: f64, sample: &Sample) -> Option<(Place, f64)> {
        let place = from_pos(sample.position.unwrap_or_default());
        let received = ReceivedSample {
            epoch: sample.epoch,
            sequence: sample.sequence,
            time: sample.time_ms as f64,
            place,
        };
        Some((place, self.playout.push(now, received)?))
    }

    /// Drops all samples.
    pub(super) fn restart(&mut self) {
        self.playout = Playout::default();
        self.trail.clear();
    }

    pub(super) fn hide(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
        self.trail.clear();
    }

    /// Returns the place where the character is drawn at `now`, unless the reader drags it.
    pub(super) fn place(&self, now: f64) -> Option<Place> {
        self.playout.place(now)
    }

    /// Returns the place of the newest sample, which may not be drawn yet.
    pub(super) fn newest_place(&self) -> Option<Place> {
        self.playout.newest()
    }

    /// Returns the direction that the character faces, in degrees from +x towards +y.
    pub(super) fn heading(&self, now: f64) -> Option<f64> {
        self.playout.heading(now)
    }
}
