//! Between metres and the canvas: seen from above, forward is up and left is left.

use super::point::Point;

/// Half the shorter side of the canvas shows this many metres; the first that holds the character is taken.
const RANGES: [f64; 9] = [1.6, 4.0, 8.0, 16.0, 40.0, 80.0, 160.0, 400.0, 800.0];

/// How a canvas shows the stage. Lengths are CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Projection {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Metres from the centre to the nearer edge.
    pub(super) range: f64,
}

impl Projection {
    /// Pixels for a metre.
    pub(super) fn scale(&self) -> f64 {
        self.width.min(self.height) / 2.0 / self.range
    }

    /// Where a place is on the canvas; its height is not seen from above.
    pub(super) fn to_canvas(self, point: Point) -> (f64, f64) {
        (
            self.width / 2.0 - point.y * self.scale(),
            self.height / 2.0 - point.x * self.scale(),
        )
    }

    /// The place at a point of the canvas, at the height `z`.
    pub(super) fn to_stage(self, (left, top): (f64, f64), z: f64) -> Point {
        let scale = self.scale();
        Point {
            x: (self.height / 2.0 - top) / scale,
            y: (self.width / 2.0 - left) / scale,
            z,
        }
    }

    /// Metres between the lines of the grid: a round number that gives a few of them.
    pub(super) fn grid_step(&self) -> f64 {
        const STEPS: [f64; 10] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
        STEPS
            .into_iter()
            .find(|step| self.range / step <= 4.0)
            .unwrap_or(200.0)
    }
}

/// The smallest range that shows a place well inside the canvas.
pub(super) fn range_for(point: Point) -> f64 {
    let reach = point.x.abs().max(point.y.abs()) * 1.15;
    RANGES
        .into_iter()
        .find(|range| *range >= reach)
        .unwrap_or(reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Projection = Projection {
        width: 800.0,
        height: 400.0,
        range: 2.0,
    };

    #[test]
    fn forward_is_up_and_left_is_left() {
        assert_eq!(VIEW.to_canvas(Point::default()), (400.0, 200.0));
        assert_eq!(
            VIEW.to_canvas(Point {
                x: 1.0,
                y: 0.0,
                z: 9.0
            }),
            (400.0, 100.0)
        );
        assert_eq!(
            VIEW.to_canvas(Point {
                x: 0.0,
                y: 1.0,
                z: 0.0
            }),
            (300.0, 200.0)
        );
    }

    #[test]
    fn the_way_back_from_the_canvas_is_the_way_there() {
        let point = Point {
            x: -0.75,
            y: 1.25,
            z: 0.5,
        };
        assert_eq!(VIEW.to_stage(VIEW.to_canvas(point), 0.5), point);
    }

    #[test]
    fn the_range_grows_with_the_distance_so_that_the_character_is_always_seen() {
        assert!(
            (range_for(Point {
                x: 1.0,
                y: 0.0,
                z: 50.0
            }) - 1.6)
                .abs()
                < f64::EPSILON
        );
        for metres in [0.0, 1.0, 1.5, 7.0, 100.0, 5000.0] {
            let range = range_for(Point {
                x: 0.0,
                y: -metres,
                z: 0.0,
            });
            assert!(range > metres, "{range} does not show {metres}");
        }
    }

    #[test]
    fn the_grid_has_a_few_round_lines_at_every_range() {
        for range in RANGES {
            let view = Projection { range, ..VIEW };
            let lines = range / view.grid_step();
            assert!((1.0..=8.0).contains(&lines), "{lines} lines at {range}");
        }
    }
}
