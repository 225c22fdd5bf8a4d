//! The projection between the stage and the canvas. In the top view, forward is up and left is left; in perspective,
//! the camera looks from behind and above the listener.

use super::camera::{Camera, Perspective};
use super::place::Place;

/// The elevation of the camera above the horizon in perspective.
const TILT_DEGREES: f64 = 35.0;

/// The distance from the camera to the centre, in ranges.
const CAMERA_DISTANCE: f64 = 3.0;

/// The near clipping distance, in ranges.
const NEAR_CLIP: f64 = 0.3;

/// A camera and the size of its canvas in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) camera: Camera,
}

/// A projected place, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ScreenPoint {
    pub(super) left: f64,
    pub(super) top: f64,
    /// The scale at this point relative to the centre.
    pub(super) size: f64,
}

/// Returns the cosine and sine of the tilt.
fn tilt() -> (f64, f64) {
    let (sin, cos) = TILT_DEGREES.to_radians().sin_cos();
    (cos, sin)
}

impl View {
    /// Returns CSS pixels per metre in the centre.
    pub(super) fn scale(&self) -> f64 {
        self.width.min(self.height) / 2.0 / self.camera.range
    }

    /// Projects a place onto the canvas. Returns `None` for a place nearer than the clipping distance.
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
                let depth = CAMERA_DISTANCE * range + x * cos - z * sin;
                (depth, x * sin + z * cos, CAMERA_DISTANCE * range / depth)
            }
        };
        if perspective == Perspective::Behind && forward < NEAR_CLIP * range {
            return None;
        }
        Some(ScreenPoint {
            left: self.width / 2.0 - y * scale * size,
            top: self.height / 2.0 - up * scale * size,
            size,
        })
    }

    /// Returns the place at height `z` that is drawn at a point of the canvas; `None` above the horizon.
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
                let distance = CAMERA_DISTANCE * range;
                // The ray from the camera through the point meets the plane of that height.
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

    /// Returns the distance between grid lines in metres: a round number that gives a few lines.
    pub(super) fn grid_step(&self) -> f64 {
        const STEPS: [f64; 10] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
        STEPS
            .into_iter()
            .find(|step| self.camera.range / step <= 4.0)
            .unwrap_or(self.camera.range / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::camera::RANGES;
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

    fn project(view: View, place: Place) -> (f64, f64) {
        let point = view.to_canvas(place).expect("in front of the camera");
        (point.left, point.top)
    }

    #[test]
    fn in_the_top_view_forward_is_up_and_left_is_left() {
        let view = view(Perspective::Above);
        assert_eq!(project(view, Place::default()), (400.0, 200.0));
        assert_eq!(project(view, at(1.0, 0.0, 9.0)), (400.0, 100.0));
        assert_eq!(project(view, at(0.0, 1.0, 0.0)), (300.0, 200.0));
    }

    #[test]
    fn perspective_shows_height_and_draws_distant_places_smaller() {
        let view = view(Perspective::Behind);
        assert_eq!(project(view, Place::default()), (400.0, 200.0));
        let (left, top) = project(view, at(0.0, 1.0, 1.0));
        assert!(left < 400.0 && top < 150.0, "{left} {top}");
        let size = |x| view.to_canvas(at(x, 0.0, 0.0)).expect("seen").size;
        assert!(size(2.0) < size(0.0) && size(0.0) < size(-2.0));
        assert_eq!(
            view.to_canvas(at(-20.0, 0.0, 0.0)),
            None,
            "behind the camera"
        );
        assert_eq!(
            view.to_stage((400.0, -2000.0), 0.0),
            None,
            "above the horizon"
        );
    }

    #[test]
    fn unprojecting_reverses_projecting() {
        for perspective in [Perspective::Above, Perspective::Behind] {
            let mut view = view(perspective);
            view.camera.centre = at(0.3, -0.2, 0.0);
            for place in [at(-0.75, 1.25, 0.5), at(1.5, -0.5, -0.25)] {
                let back = view
                    .to_stage(project(view, place), place.z)
                    .expect("a place");
                assert!(back.distance_to(place) < 1e-9, "{back:?} is not {place:?}");
            }
        }
    }

    #[test]
    fn zooming_keeps_the_place_under_the_pointer() {
        let mut view = view(Perspective::Above);
        let pointer = (500.0, 120.0);
        let under = view.to_stage(pointer, 0.0);
        view.camera = view.camera.zoomed(2.0, under);
        let still = view.to_stage(pointer, 0.0).expect("a place");
        assert!(still.distance_to(under.expect("a place")) < 1e-9);
        assert!((view.camera.range - 1.0).abs() < 1e-9);
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
