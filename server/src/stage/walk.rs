//! The default character, which walks a circle unless a caller publishes its position.

use std::time::Duration;

use soundstage_proto::position::Pos;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// The time between two steps of the walk.
const STEP: Duration = Duration::from_millis(100);
/// The angle of one step, which makes one turn in 7.2 s.
const DEGREES_PER_STEP: f64 = 5.0;

/// The default character.
#[derive(Debug)]
pub(super) struct Walk {
    walker: watch::Sender<Walker>,
    hold: Duration,
}

impl Walk {
    /// Starts the walk at (1, 0, 0). A published position holds for `hold`.
    pub(super) fn new(hold: Duration) -> Self {
        Self {
            walker: watch::Sender::new(Walker::walking_from(0.0, Instant::now())),
            hold,
        }
    }

    /// Returns the current position.
    pub(super) fn position(&self) -> Pos {
        self.walker.borrow().position
    }

    /// Moves the character, which stops the walk for `hold`.
    pub(super) fn publish(&self, position: Pos) {
        let until = Instant::now() + self.hold;
        self.walker.send_replace(Walker {
            position,
            motion: Motion::Held { until },
        });
    }

    /// Watches the character. A slow reader sees the newest position only.
    pub(super) fn subscribe(&self) -> watch::Receiver<Walker> {
        self.walker.subscribe()
    }

    /// Makes the steps of the walk, for as long as it is polled.
    pub(super) async fn run(&self) {
        let mut steps = tokio::time::interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let now = steps.tick().await;
            self.walker.send_if_modified(|walker| walker.advance(now));
        }
    }
}

/// The position and the motion of the default character.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Walker {
    pub(crate) position: Pos,
    motion: Motion,
}

#[derive(Debug, Clone, PartialEq)]
enum Motion {
    /// Walks the unit circle from an azimuth in degrees. Steps are counted from the start, so that a late step does not
    /// slow the walk down.
    Walking { from: f64, since: Instant },
    /// Stays at a published position.
    Held { until: Instant },
}

impl Walker {
    fn walking_from(azimuth: f64, now: Instant) -> Self {
        Self {
            position: on_circle(azimuth),
            motion: Motion::Walking {
                from: azimuth,
                since: now,
            },
        }
    }

    /// Advances the motion to `now`. Returns whether the position or the motion has changed.
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

/// Returns the point of the unit circle at an azimuth, in degrees from +x towards +y.
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
    use std::sync::Arc;

    use super::*;

    fn assert_at(position: Pos, azimuth: f64) {
        let expected = on_circle(azimuth);
        let distance = (position.x - expected.x).hypot(position.y - expected.y);
        assert!(distance < 1e-5, "{position:?} is not at {azimuth} degrees");
        assert!(position.z.abs() < f32::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn the_walk_starts_ahead_and_turns_left_by_five_degrees_a_step() {
        let walk = Walk::new(Duration::from_secs(3));
        assert_eq!(
            walk.position(),
            Pos {
                x: 1.0,
                y: 0.0,
                z: 0.0
            }
        );
        let mut positions = walk.subscribe();
        tokio::spawn(async move { walk.run().await });
        for step in 1..=100 {
            positions.changed().await.expect("the walk continues");
            assert_at(
                positions.borrow_and_update().position,
                5.0 * f64::from(step),
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_published_position_holds_and_then_the_walk_continues_from_its_azimuth() {
        let walk = Walk::new(Duration::from_secs(3));
        let walk = Arc::new(walk);
        let runner = Arc::clone(&walk);
        tokio::spawn(async move { runner.run().await });
        let published = Pos {
            x: 0.0,
            y: -2.0,
            z: 0.5,
        };
        walk.publish(published);
        tokio::time::sleep(Duration::from_millis(2950)).await;
        assert_eq!(walk.position(), published);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_at(walk.position(), -90.0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_at(walk.position(), -40.0);
    }

    #[test]
    fn late_steps_are_caught_up() {
        let start = Instant::now();
        let mut walker = Walker::walking_from(0.0, start);
        assert!(walker.advance(start + Duration::from_millis(1234)));
        assert_at(walker.position, 60.0);
        assert!(!walker.advance(start + Duration::from_millis(1299)));
    }
}
