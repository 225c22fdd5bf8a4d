//! Sprites: figures drawn once in each colour and direction. A thousand copies are faster than a thousand outlines.

use std::f64::consts::TAU;

use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::super::palette::{COLOURS, Palette};

/// The radius of a figure in CSS pixels, at scale 1.
pub(super) const RADIUS: f64 = 9.0;

/// The number of directions. One more sprite has no direction.
const DIRECTIONS: usize = 32;

/// The side of a sprite in CSS pixels, at scale 1; the beak reaches to its edge.
const CELL: f64 = 4.0 * RADIUS;

/// The sprites, on a hidden canvas: a row for each colour, a column for each direction.
pub(super) struct Sprites {
    canvas: HtmlCanvasElement,
    /// Device pixels per CSS pixel.
    ratio: f64,
    /// The scale of most figures, which are copied without scaling.
    usual: f64,
}

impl Sprites {
    /// Draws the sprites for a display of `ratio` device pixels per CSS pixel, at the scale of most figures. Returns
    /// `None` if the browser refuses a canvas.
    pub(super) fn new(palette: &Palette, ratio: f64, usual: f64) -> Option<Self> {
        let canvas = leptos::prelude::document().create_element("canvas").ok()?;
        let sprites = Self {
            canvas: canvas.dyn_into().ok()?,
            ratio,
            usual,
        };
        let cell = sprites.cell();
        sprites
            .canvas
            .set_width(cell as u32 * (DIRECTIONS as u32 + 1));
        sprites.canvas.set_height(cell as u32 * COLOURS as u32);
        let context = sprites.canvas.get_context("2d").ok().flatten()?;
        let context: CanvasRenderingContext2d = context.dyn_into().ok()?;
        let radius = RADIUS * usual * ratio;
        for (row, colour) in palette.characters.iter().enumerate() {
            context.set_fill_style_str(colour);
            for column in 0..=DIRECTIONS {
                let direction = (column < DIRECTIONS).then(|| angle_of(column));
                let middle = |index: usize| (index as f64 + 0.5) * cell;
                figure(&context, radius, (middle(column), middle(row)), direction);
            }
        }
        Some(sprites)
    }

    /// Returns whether the sprites fit a display and a scale.
    pub(super) fn are_for(&self, ratio: f64, usual: f64) -> bool {
        (self.ratio, self.usual) == (ratio, usual)
    }

    /// Returns the size of a device pixel in CSS pixels.
    pub(super) fn pixel(&self) -> f64 {
        1.0 / self.ratio
    }

    /// Draws a figure around a point, at a scale. `direction` is in radians, clockwise from the right.
    pub(super) fn draw(
        &self,
        context: &CanvasRenderingContext2d,
        colour: usize,
        direction: Option<f64>,
        (left, top): (f64, f64),
        size: f64,
    ) {
        let column = direction.map_or(DIRECTIONS, column_of);
        let cell = self.cell();
        let length = cell / self.ratio * size / self.usual;
        // Aligned to device pixels: a copy without scaling needs no interpolation.
        let corner = |middle: f64| ((middle - length / 2.0) * self.ratio).round() / self.ratio;
        // Fails only without a source.
        let _ = context
            .draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                &self.canvas,
                column as f64 * cell,
                colour as f64 * cell,
                cell,
                cell,
                corner(left),
                corner(top),
                length,
                length,
            );
    }

    /// Returns the side of a sprite in whole device pixels.
    fn cell(&self) -> f64 {
        (CELL * self.usual * self.ratio).ceil()
    }
}

fn angle_of(column: usize) -> f64 {
    column as f64 / DIRECTIONS as f64 * TAU
}

fn column_of(direction: f64) -> usize {
    let turns = direction.rem_euclid(TAU) / TAU;
    (turns * DIRECTIONS as f64).round() as usize % DIRECTIONS
}

/// Draws a disc, with a beak in its direction.
fn figure(
    context: &CanvasRenderingContext2d,
    radius: f64,
    (left, top): (f64, f64),
    direction: Option<f64>,
) {
    context.begin_path();
    context.move_to(left + radius, top);
    // Fails only for a negative radius.
    let _ = context.arc(left, top, radius, 0.0, TAU);
    if let Some(direction) = direction {
        let (sin, cos) = direction.sin_cos();
        let corner = |along: f64, aside: f64| {
            (
                left + radius * (cos * along - sin * aside),
                top + radius * (sin * along + cos * aside),
            )
        };
        let [tip, one, other] = [corner(1.8, 0.0), corner(0.75, 0.65), corner(0.75, -0.65)];
        context.move_to(tip.0, tip.1);
        context.line_to(one.0, one.1);
        context.line_to(other.0, other.1);
        context.close_path();
    }
    context.fill();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_is_drawn_by_the_nearest_sprite() {
        for column in 0..DIRECTIONS {
            assert_eq!(column_of(angle_of(column)), column);
            assert_eq!(column_of(angle_of(column) - TAU + 0.01), column);
        }
        assert_eq!(column_of(TAU - 0.01), 0);
    }
}
