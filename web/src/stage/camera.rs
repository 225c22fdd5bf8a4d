//! The camera: the part of the stage that the canvas shows, the perspective, and the camera mode.

use super::place::Place;

/// The ranges that a camera chooses from to show all characters, in metres.
pub(super) const RANGES: [f64; 9] = [1.6, 4.0, 8.0, 16.0, 40.0, 80.0, 160.0, 400.0, 800.0];

/// The limits of zooming: the range of a camera, in metres.
const MIN_RANGE: f64 = 0.4;
const MAX_RANGE: f64 = 2000.0;

/// The direction that the camera looks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Perspective {
    /// Straight down.
    #[default]
    Above,
    /// Forward and down, from behind and above the listener.
    Behind,
}

/// The part of the stage that the canvas shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Camera {
    pub(super) perspective: Perspective,
    /// The place in the middle of the canvas.
    pub(super) centre: Place,
    /// The distance from the centre to the nearer edge of the canvas, in metres.
    pub(super) range: f64,
}

/// The cause of the camera's movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum CameraMode {
    /// The camera keeps all characters in view.
    #[default]
    All,
    /// The camera follows the chosen character.
    Chosen,
    /// Only the reader moves the camera.
    Free,
}

/// A camera with its mode.
#[derive(Debug, Default)]
pub(super) struct CameraControl {
    camera: Camera,
    mode: CameraMode,
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
    /// Zooms in by a factor. `fixed` is the place that keeps its point on the canvas: the centre by default.
    pub(super) fn zoomed(self, factor: f64, fixed: Option<Place>) -> Self {
        let range = (self.range / factor).clamp(MIN_RANGE, MAX_RANGE);
        let fixed = fixed.unwrap_or(self.centre);
        let centre = fixed.towards(self.centre, range / self.range);
        Self {
            centre,
            range,
            ..self
        }
    }
}

impl CameraControl {
    pub(super) fn current(&self) -> Camera {
        self.camera
    }

    pub(super) fn mode(&self) -> CameraMode {
        self.mode
    }

    pub(super) fn set_mode(&mut self, mode: CameraMode) {
        self.mode = mode;
    }

    /// Changes the zoom or the perspective. Zooming ends [`CameraMode::All`], which chooses the range itself.
    pub(super) fn set(&mut self, camera: Camera) {
        if self.mode == CameraMode::All && camera.perspective == self.camera.perspective {
            self.mode = CameraMode::Free;
        }
        self.camera = camera;
    }

    /// Moves the camera to a place, where it stays.
    pub(super) fn pan(&mut self, camera: Camera) {
        self.mode = CameraMode::Free;
        self.camera = camera;
    }

    /// Centres the camera on the listener, with a range in metres.
    pub(super) fn centre_on_listener(&mut self, range: f64) {
        self.camera.range = range;
        self.camera.centre = Place::default();
    }

    /// Centres the camera on the ground below a place.
    pub(super) fn centre_on(&mut self, place: Place) {
        self.camera.centre = Place { z: 0.0, ..place };
    }
}

/// Returns the smallest range that shows all places well inside the canvas, with the origin in the middle.
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

    fn at(x: f64, y: f64, z: f64) -> Place {
        Place { x, y, z }
    }

    #[test]
    fn the_range_grows_with_the_distance_so_that_all_places_are_shown() {
        let range = range_for([at(1.0, 0.0, 50.0)].into_iter());
        assert!((range - 1.6).abs() < f64::EPSILON);
        for metres in [0.0, 1.0, 1.5, 7.0, 100.0, 5000.0] {
            let range = range_for([at(0.5, 0.0, 0.0), at(0.0, -metres, 0.0)].into_iter());
            assert!(range > metres, "{range} does not show {metres}");
        }
    }

    #[test]
    fn zooming_out_ends_at_the_largest_range() {
        let far = Camera::default().zoomed(1e-9, None);
        assert!((far.range - MAX_RANGE).abs() < 1e-9);
    }

    #[test]
    fn zooming_ends_the_mode_that_chooses_the_range() {
        let mut control = CameraControl::default();
        control.set(Camera {
            perspective: Perspective::Behind,
            ..Camera::default()
        });
        assert_eq!(control.mode(), CameraMode::All);
        control.set(control.current().zoomed(2.0, None));
        assert_eq!(control.mode(), CameraMode::Free);
        control.set_mode(CameraMode::Chosen);
        control.set(control.current().zoomed(2.0, None));
        assert_eq!(control.mode(), CameraMode::Chosen);
        control.pan(Camera::default());
        assert_eq!(control.mode(), CameraMode::Free);
    }
}
