//! The stage: one character, which walks a circle unless someone puts it elsewhere.

use std::sync::Arc;
use std::time::Duration;

use soundstage_proto::position::Pos;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// How often the walking character moves.
const STEP: Duration = Duration::from_millis(100);
/// How far it goes round at each step: one turn in 7.2 s.
const DEGREES_PER_STEP: f64 = 5.0;

/// A handle on the stage; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    character: Arc<watch::Sender<Character>>,
    hold: Duration,
}

impl Stage {
    /// The character at (1, 0, 0), walking. `hold` is how long a published position holds.
    pub(crate) fn new(hold: Duration) -> Self {
        Self {
            character: Arc::new(watch::Sender::new(Character::walking_from(
                0.0,
                Instant::now(),
            ))),
            hold,
        }
    }

    /// Where the character is now.
    pub(crate) fn position(&self) -> Pos {
        self.character.borrow().position
    }

    /// Puts the character there.
    pub(crate) fn publish(&self, position: Pos) {
        let until = Instant::now() + self.hold;
        self.character.send_replace(Character {
            position,
            motion: Motion::Held { until },
        });
    }

    /// The position now and each change; a reader that is slow sees the newest only.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Character> {
        self.character.subscribe()
    }

    /// Moves the character, for as long as it is polled.
    pub(crate) async fn run(&self) {
        let mut steps = tokio::time::interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let now = steps.tick().await;
            self.character
                .send_if_modified(|character| character.advance(now));
        }
    }
}

/// Where the character is, and how it got there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Character {
    pub(crate) position: Pos,
    motion: Motion,
}

#[derive(Debug, Clone, PartialEq)]
enum Motion {
    /// On the unit circle, having set off from an azimuth (degrees). Counting steps from there, rather than adding
    /// to the last position, keeps the pace when a step comes late.
    Walking { from: f64, since: Instant },
    /// Where somebody put it.
    Held { until: Instant },
}

impl Character {
    fn walking_from(azimuth: f64, now: Instant) -> Self {
        Self {
            position: on_circle(azimuth),
            motion: Motion::Walking {
                from: azimuth,
                since: now,
            },
        }
    }

    /// Brings it to where it is at `now`; whether that is elsewhere.
    fn advance(&mut self, now: Instant) -> bool {
        let position = match self.motion {
            Motion::Walking { from, since } => {
                let steps = (now - since).as_millis() / STEP.as_millis();
                on_circle(from + DEGREES_PER_STEP * steps as f64)
            }
            Motion::Held { until } if now >= until => {
                *self = Self::walking_from(azimuth_of(&self.position), now);
                return true;
            }
            Motion::Held { .. } => self.position,
        };
        let moved = position != self.position;
        self.position = position;
        moved
    }
}

/// The point of the unit circle at this azimuth, in degrees from +x towards +y.
fn on_circle(azimuth: f64) -> Pos {
    let (y, x) = azimuth.rem_euclid(360.0).to_radians().sin_cos();
    Pos {
        x: x as f32,
        y: y as f32,
        z: 0.0,
    }
}

fn azimuth_of(position: &Pos) -> f64 {
    f64::from(position.y)
        .atan2(f64::from(position.x))
        .to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_at(position: Pos, azimuth: f64) {
        let expected = on_circle(azimuth);
        let distance = (position.x - expected.x).hypot(position.y - expected.y);
        assert!(distance < 1e-5, "{position:?} is not at {azimuth} degrees");
        assert!(position.z.abs() < f32::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn the_character_starts_ahead_and_turns_left_by_five_degrees_a_step() {
        let stage = Stage::new(Duration::from_secs(3));
        assert_eq!(
            stage.position(),
            Pos {
                x: 1.0,
                y: 0.0,
                z: 0.0
            }
        );
        let mut positions = stage.subscribe();
        tokio::spawn(async move { stage.run().await });
        for step in 1..=100 {
            positions.changed().await.expect("the stage runs");
            assert_at(
                positions.borrow_and_update().position,
                5.0 * f64::from(step),
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_published_position_holds_and_then_the_walk_goes_on_from_its_azimuth() {
        let stage = Stage::new(Duration::from_secs(3));
        let runner = stage.clone();
        tokio::spawn(async move { runner.run().await });
        let put = Pos {
            x: 0.0,
            y: -2.0,
            z: 0.5,
        };
        stage.publish(put);
        tokio::time::sleep(Duration::from_millis(2950)).await;
        assert_eq!(stage.position(), put);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_at(stage.position(), -90.0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_at(stage.position(), -40.0);
    }

    #[test]
    fn steps_that_come_late_are_caught_up() {
        let start = Instant::now();
        let mut character = Character::walking_from(0.0, start);
        assert!(character.advance(start + Duration::from_millis(1234)));
        assert_at(character.position, 60.0);
        assert!(!character.advance(start + Duration::from_millis(1299)));
    }
}
