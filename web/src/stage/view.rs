//! Between metres and the canvas: from above, forward is up and left is left; in perspective, from behind and above the listener.

use super::place::Place;

/// Half the shorter side of the canvas shows this many metres; the first that holds everybody is taken.
const RANGES: [f64; 9] = [1.6, 4.0, 8.0, 16.0, 40.0, 80.0, 160.0, 400.0, 800.0];

/// How near and how far one can zoom, in metres from the centre to the nearer edge.
const NEAREST: f64 = 0.4;
const FARTHEST: f64 = 2000.0;

/// How far above the horizon the eye is, in perspective.
const TILT_DEGREES: f64 = 35.0;

/// How far from the centre the eye is, in ranges.
const EYE: f64 = 3.0;

/// What is nearer to the eye than this, in ranges, is not drawn.
const CLIP: f64 = 0.3;

/// From where the stage is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Perspective {
    #[default]
    Above,
    Behind,
}

/// What part of the stage is seen, and from where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Camera {
    pub(super) perspective: Perspective,
    /// What is in the middle.
    pub(super) centre: Place,
    /// Metres from the centre to the nearer edge.
    pub(super) range: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            perspective: Perspective::default(),
            centre: Place::default(),
            range: RANGES[0],
        }
    }
}

impl Camera {
    /// Nearer by this factor, which keeps the place that is under a point of the canvas where it is.
    pub(super) fn zoomed(self, factor: f64, under: Option<Place>) -> Self {
        let range = (self.range / factor).clamp(NEAREST, FARTHEST);
        let kept = under.unwrap_or(self.centre);
        let centre = kept.towards(self.centre, range / self.range);
        Self {
            centre,
            range,
            ..self
        }
    }
}

/// A camera on a canvas. Lengths are CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) camera: Camera,
}

/// A place on the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ScreenPoint {
    pub(super) left: f64,
    pub(super) top: f64,
    /// How much larger than in the centre things are there.
    pub(super) size: f64,
}

/// The direction from the eye to the centre, as the cosine and sine of the tilt.
fn tilt() -> (f64, f64) {
    let (sin, cos) = TILT_DEGREES.to_radians().sin_cos();
    (cos, sin)
}

impl View {
    /// Pixels for a metre, in the centre.
    pub(super) fn scale(&self) -> f64 {
        self.width.min(self.height) / 2.0 / self.camera.range
    }

    /// Where a place is on the canvas; `None` behind the eye.
    pub(super) fn to_canvas(self, place: Place) -> Option<ScreenPoint> {
        let Camera {
            perspective,
            centre,
            range,
        } = self.camera;
        let (x, y, z) = (place.x - centre.x, place.y - centre.y, place.z - centre.z);
        let scale = self.scale();
        let (forward, up, size) = match perspective {
            Perspective::Above => (x, x, 1.0),
            Perspective::Behind => {
                let (cos, sin) = tilt();
                let depth = EYE * range + x * cos - z * sin;
                (depth, x * sin + z * cos, EYE * range / depth)
            }
        };
        if perspective == Perspective::Behind && forward < CLIP * range {
            return None;
        }
        Some(ScreenPoint {
            left: self.width / 2.0 - y * scale * size,
            top: self.height / 2.0 - up * scale * size,
            size,
        })
    }

    /// The place at a point of the canvas, at the height `z`; `None` above the horizon.
    pub(super) fn to_stage(self, (left, top): (f64, f64), z: f64) -> Option<Place> {
        let Camera {
            perspective,
            centre,
            range,
        } = self.camera;
        let scale = self.scale();
        let (aside, up) = (
            (self.width / 2.0 - left) / scale,
            (self.height / 2.0 - top) / scale,
        );
        let (x, y) = match perspective {
            Perspective::Above => (up, aside),
            Perspective::Behind => {
                let (cos, sin) = tilt();
                let distance = EYE * range;
                // The ray from the eye through the point, down to that height.
                let (ray_x, ray_z) = (distance * cos + up * sin, up * cos - distance * sin);
                let steps = (z - centre.z - distance * sin) / ray_z;
                if ray_z >= 0.0 || !(0.0..100.0).contains(&steps) {
                    return None;
                }
                (steps * ray_x - distance * cos, steps * aside)
            }
        };
        Some(Place {
            x: centre.x + x,
            y: centre.y + y,
            z,
        })
    }

    /// Metres between the lines of the grid: a round number that gives a few of them.
    pub(super) fn grid_step(&self) -> f64 {
        const STEPS: [f64; 10] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
        STEPS
            .into_iter()
            .find(|step| self.camera.range / step <= 4.0)
            .unwrap_or(self.camera.range / 4.0)
    }
}

/// The smallest range that shows all these places well inside the canvas, the origin in its middle.
pub(super) fn range_for(places: impl Iterator<Item = Place>) -> f64 {
    let reach = places.map(|place| place.x.abs().max(place.y.abs()));
    let reach = reach.fold(0.0, f64::max) * 1.15;
    RANGES
        .into_iter()
        .find(|range| *range >= reach)
        .unwrap_or(reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(perspective: Perspective) -> View {
        View {
            width: 800.0,
            height: 400.0,
            camera: Camera {
                perspective,
                range: 2.0,
                ..Camera::default()
            },
        }
    }

    fn at(x: f64, y: f64, z: f64) -> Place {
        Place { x, y, z }
    }

    fn spot(view: View, place: Place) -> (f64, f64) {
        let spot = view.to_canvas(place).expect("before the eye");
        (spot.left, spot.top)
    }

    #[test]
    fn from_above_forward_is_up_and_left_is_left() {
        let view = view(Perspective::Above);
        assert_eq!(spot(view, Place::default()), (400.0, 200.0));
        assert_eq!(spot(view, at(1.0, 0.0, 9.0)), (400.0, 100.0));
        assert_eq!(spot(view, at(0.0, 1.0, 0.0)), (300.0, 200.0));
    }

    #[test]
    fn in_perspective_height_is_seen_and_what_is_far_is_small() {
        let view = view(Perspective::Behind);
        assert_eq!(spot(view, Place::default()), (400.0, 200.0));
        let (left, top) = spot(view, at(0.0, 1.0, 1.0));
        assert!(left < 400.0 && top < 150.0, "{left} {top}");
        let size = |x| view.to_canvas(at(x, 0.0, 0.0)).expect("seen").size;
        assert!(size(2.0) < size(0.0) && size(0.0) < size(-2.0));
        assert_eq!(view.to_canvas(at(-20.0, 0.0, 0.0)), None, "behind the eye");
        assert_eq!(view.to_stage((400.0, -2000.0), 0.0), None, "in the sky");
    }

    #[test]
    fn the_way_back_from_the_canvas_is_the_way_there() {
        for perspective in [Perspective::Above, Perspective::Behind] {
            let mut view = view(perspective);
            view.camera.centre = at(0.3, -0.2, 0.0);
            for place in [at(-0.75, 1.25, 0.5), at(1.5, -0.5, -0.25)] {
                let back = view.to_stage(spot(view, place), place.z).expect("a place");
                assert!(back.distance_to(place) < 1e-9, "{back:?} is not {place:?}");
            }
        }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut view = view(Perspective::Above);
        let pointer = (500.0, 120.0);
        let under = view.to_stage(pointer, 0.0);
        view.camera = view.camera.zoomed(2.0, under);
        let still = view.to_stage(pointer, 0.0).expect("a place");
        assert!(still.distance_to(under.expect("a place")) < 1e-9);
        assert!((view.camera.range - 1.0).abs() < 1e-9);
        let far = Camera::default().zoomed(1e-9, None);
        assert!((far.range - FARTHEST).abs() < 1e-9);
    }

    #[test]
    fn the_range_grows_with_the_distance_so_that_everybody_is_seen() {
        let range = range_for([at(1.0, 0.0, 50.0)].into_iter());
        assert!((range - 1.6).abs() < f64::EPSILON);
        for metres in [0.0, 1.0, 1.5, 7.0, 100.0, 5000.0] {
            let range = range_for([at(0.5, 0.0, 0.0), at(0.0, -metres, 0.0)].into_iter());
            assert!(range > metres, "{range} does not show {metres}");
        }
    }

    #[test]
    fn the_grid_has_a_few_round_lines_at_every_range() {
        for range in RANGES {
            let mut view = view(Perspective::Above);
            view.camera.range = range;
            let lines = range / view.grid_step();
            assert!((1.0..=8.0).contains(&lines), "{lines} lines at {range}");
        }
    }
}
