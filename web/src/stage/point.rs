//! Places on the stage, in metres: x forward, y left, z up, the listener at the origin facing +x.

use soundstage_proto::position::Pos;

use crate::language::key;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) z: f64,
}

impl From<Pos> for Point {
    fn from(Pos { x, y, z }: Pos) -> Self {
        Self {
            x: x.into(),
            y: y.into(),
            z: z.into(),
        }
    }
}

impl From<Point> for Pos {
    fn from(Point { x, y, z }: Point) -> Self {
        Self {
            x: x as f32,
            y: y as f32,
            z: z as f32,
        }
    }
}

impl Point {
    /// The place this far (0 to 1) on the straight way to `target`.
    pub(super) fn towards(self, target: Self, fraction: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * fraction;
        Self {
            x: mix(self.x, target.x),
            y: mix(self.y, target.y),
            z: mix(self.z, target.z),
        }
    }

    /// Metres from the listener.
    pub(super) fn distance(self) -> f64 {
        self.x.hypot(self.y).hypot(self.z)
    }

    /// Degrees from straight ahead (+x) towards the left (+y), from -180 to 180.
    pub(super) fn azimuth(self) -> f64 {
        self.y.atan2(self.x).to_degrees()
    }

    /// The direction of `target` from here in the plane, in degrees; `None` if it is the same place.
    pub(super) fn direction_to(self, target: Self) -> Option<f64> {
        let (dx, dy) = (target.x - self.x, target.y - self.y);
        (dx.hypot(dy) > 1e-6).then(|| dy.atan2(dx).to_degrees())
    }

    /// The direction in words, as seen by the listener, to be translated.
    pub(super) fn bearing(self) -> &'static str {
        const WORDS: [&str; 8] = [
            key("ahead"),
            key("ahead to the left"),
            key("to the left"),
            key("behind to the left"),
            key("behind"),
            key("behind to the right"),
            key("to the right"),
            key("ahead to the right"),
        ];
        let eighth = (self.azimuth().rem_euclid(360.0) / 45.0).round() as usize;
        WORDS[eighth % WORDS.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Point {
        Point { x, y, z: 0.0 }
    }

    #[test]
    fn azimuth_grows_to_the_left() {
        assert!((at(1.0, 0.0).azimuth()).abs() < 1e-9);
        assert!((at(0.0, 2.0).azimuth() - 90.0).abs() < 1e-9);
        assert!((at(0.0, -2.0).azimuth() + 90.0).abs() < 1e-9);
    }

    #[test]
    fn bearings_are_those_of_somebody_who_faces_forward() {
        assert_eq!(at(1.0, 0.1).bearing(), "ahead");
        assert_eq!(at(1.0, 1.0).bearing(), "ahead to the left");
        assert_eq!(at(0.0, -1.0).bearing(), "to the right");
        assert_eq!(at(-1.0, -0.01).bearing(), "behind");
        assert_eq!(at(1.0, -0.1).bearing(), "ahead");
    }

    #[test]
    fn distance_counts_height() {
        assert!(
            (Point {
                x: 2.0,
                y: 3.0,
                z: 6.0
            }
            .distance()
                - 7.0)
                .abs()
                < 1e-9
        );
    }
}
