//! All that is drawn, as plain state.

use super::point::Point;
use super::projection::{Projection, range_for};
use super::samples::Samples;
use super::trail::Trail;

/// The stage as the page knows it.
#[derive(Debug, Default)]
pub(super) struct Scene {
    samples: Samples,
    pub(super) trail: Trail,
    /// Where the reader's pointer holds the character, while it does.
    held: Option<Point>,
    range: Option<f64>,
}

/// What the readouts show.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Readout {
    /// Where the character is drawn.
    pub(super) place: Point,
    /// Messages per second.
    pub(super) rate: f64,
    /// Milliseconds since the newest sample.
    pub(super) age: f64,
}

impl Scene {
    /// A position has arrived.
    pub(super) fn sample(&mut self, now: f64, point: Point) {
        self.samples.push(now, point);
    }

    /// The stream begins anew.
    pub(super) fn restart(&mut self) {
        self.samples.clear();
        self.trail.clear();
    }

    /// The reader moves the character by hand: shown at once, before the server has said so.
    pub(super) fn hold(&mut self, point: Option<Point>) {
        self.held = point;
    }

    /// Whether the reader moves the character by hand.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Where the character is drawn at `now`.
    pub(super) fn place(&self, now: f64) -> Option<Point> {
        self.held.or_else(|| self.samples.place(now))
    }

    /// The newest known place, which a step by key starts from.
    pub(super) fn newest(&self) -> Option<Point> {
        self.held.or_else(|| self.samples.newest())
    }

    /// Where the character faces, in degrees.
    pub(super) fn heading(&self, now: f64) -> Option<f64> {
        self.samples.heading(now)
    }

    /// How a canvas of this size shows the scene. While the pointer holds the character the scale stays: it would run
    /// away from under the pointer.
    pub(super) fn projection(&mut self, now: f64, width: f64, height: f64) -> Projection {
        let wanted = range_for(self.place(now).unwrap_or_default());
        let range = match self.range {
            Some(range) if self.is_held() => range,
            _ => wanted,
        };
        self.range = Some(range);
        Projection {
            width,
            height,
            range,
        }
    }

    /// What the readouts show at `now`; `None` before the first sample.
    pub(super) fn readout(&self, now: f64) -> Option<Readout> {
        let place = self.place(now)?;
        Some(Readout {
            place,
            rate: self.samples.rate(now),
            age: self.samples.age(now)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_character_is_drawn_where_it_is_held_and_the_scale_stays() {
        let mut scene = Scene::default();
        scene.sample(
            0.0,
            Point {
                x: 1.0,
                y: 0.0,
                z: 0.0,
            },
        );
        let before = scene.projection(0.0, 400.0, 400.0);
        let far = Point {
            x: 30.0,
            y: 0.0,
            z: 0.0,
        };
        scene.hold(Some(far));
        assert_eq!(scene.place(10.0), Some(far));
        assert_eq!(scene.projection(10.0, 400.0, 400.0), before);
        scene.hold(None);
        scene.sample(20.0, far);
        assert!(scene.projection(1000.0, 400.0, 400.0).range > before.range);
    }

    #[test]
    fn there_is_nothing_to_read_out_before_the_first_sample() {
        let mut scene = Scene::default();
        assert_eq!(scene.readout(0.0), None);
        scene.sample(0.0, Point::default());
        assert!(scene.readout(1.0).is_some());
        scene.restart();
        assert_eq!(scene.readout(2.0), None);
    }
}
