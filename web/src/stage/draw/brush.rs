//! The state that all parts of a drawing share: the context with its colours, and the figures.

use std::f64::consts::TAU;

use web_sys::CanvasRenderingContext2d;

use super::super::palette::Palette;
use super::super::place::Place;
use super::super::view::{ScreenPoint, View};
use super::sprites::Sprites;

/// The opacity of trails, and of figures that may be out of date.
pub(super) const FADED: f64 = 0.35;

/// A character as it is drawn.
pub(super) struct Figure<'a> {
    pub(super) id: u32,
    pub(super) name: &'a str,
    pub(super) colour: usize,
    pub(super) is_faded: bool,
    /// The scale of the figure; 1 for a radius of [`super::sprites::RADIUS`].
    pub(super) size: f64,
    pub(super) place: Place,
    pub(super) point: ScreenPoint,
    pub(super) heading: Option<f64>,
}

/// Draws on a context, in a view.
pub(super) struct Brush<'a> {
    pub(super) context: &'a CanvasRenderingContext2d,
    pub(super) palette: &'a Palette,
    pub(super) sprites: &'a Sprites,
    pub(super) view: View,
}

impl Brush<'_> {
    /// Adds a circle to the path.
    pub(super) fn circle(&self, left: f64, top: f64, radius: f64) {
        self.context.move_to(left + radius, top);
        // Fails only for a negative radius.
        let _ = self.context.arc(left, top, radius, 0.0, TAU);
    }

    /// Draws a text at a point, aligned to `align`.
    pub(super) fn text(&self, colour: &str, align: &str, text: &str, (left, top): (f64, f64)) {
        self.context.set_fill_style_str(colour);
        self.context.set_text_align(align);
        // A text that the browser refuses is left out.
        let _ = self.context.fill_text(text, left, top);
    }
}

/// Returns a place on the ground.
pub(super) fn on_ground(x: f64, y: f64) -> Place {
    Place { x, y, z: 0.0 }
}
