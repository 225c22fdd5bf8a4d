//! The ground: grid, axes and listener.

use super::super::camera::Perspective;
use super::super::place::Place;
use super::super::view::{ScreenPoint, View};
use super::brush::{Brush, on_ground};
use crate::language::t;
use crate::ui::fixed;

impl Brush<'_> {
    /// Fills the canvas with the colour of the ground.
    pub(super) fn ground(&self) {
        self.context.set_fill_style_str(&self.palette.ground);
        self.context
            .fill_rect(0.0, 0.0, self.view.width, self.view.height);
    }

    /// Draws the grid with its distances, and the axes with their names.
    pub(super) fn grid(&self) {
        let View {
            width,
            height,
            camera,
        } = self.view;
        let step = self.view.grid_step();
        let reach = match camera.perspective {
            Perspective::Above => (height.max(width) / 2.0 / self.view.scale()).max(camera.range),
            Perspective::Behind => 1.5 * camera.range,
        };
        let indices = |centre: f64| {
            let first = ((centre - reach) / step).ceil() as i32;
            let last = ((centre + reach) / step).floor() as i32;
            first..=last
        };
        let (centre, ends) = (camera.centre, [-reach, reach]);
        self.context.set_line_width(1.0);
        self.context.set_font("12px system-ui, sans-serif");
        for index in indices(centre.y) {
            let y = f64::from(index) * step;
            let [near, far] = ends.map(|end| on_ground(centre.x + end, y));
            self.grid_line(index == 0, near, far);
            if index != 0 {
                self.metres(y, on_ground(0.0, y), (0.0, 16.0), "center");
            }
        }
        for index in indices(centre.x) {
            let x = f64::from(index) * step;
            let [right, left] = ends.map(|end| on_ground(x, centre.y + end));
            self.grid_line(index == 0, right, left);
            if index != 0 {
                self.metres(x, on_ground(x, 0.0), (6.0, 4.0), "left");
            }
        }
        if let Some(origin) = self.view.to_canvas(Place::default()) {
            let inside = |at: f64, end: f64| at.clamp(0.0, end);
            let left = inside(origin.left - 8.0, width);
            self.text(
                &self.palette.axis,
                "right",
                t("x forward (m)"),
                (left, 18.0),
            );
            let top = inside(origin.top - 8.0, height);
            self.text(&self.palette.axis, "left", t("y left (m)"), (8.0, top));
        }
    }

    fn grid_line(&self, is_axis: bool, from: Place, to: Place) {
        let (Some(from), Some(to)) = (self.view.to_canvas(from), self.view.to_canvas(to)) else {
            return;
        };
        let colour = if is_axis {
            &self.palette.axis
        } else {
            &self.palette.grid
        };
        self.context.set_stroke_style_str(colour);
        self.context.begin_path();
        self.context.move_to(from.left, from.top);
        self.context.line_to(to.left, to.top);
        self.context.stroke();
    }

    /// Writes the distance of a grid line from the origin, unless the edge would cut the text.
    fn metres(&self, metres: f64, place: Place, offset: (f64, f64), align: &str) {
        if let Some(point) = self.view.to_canvas(place) {
            let step = self.view.grid_step();
            let text = fixed(metres, u8::from(step < 1.0));
            let at = (point.left + offset.0, point.top + offset.1);
            if (12.0..self.view.height).contains(&at.1) {
                self.text(&self.palette.label, align, &text, at);
            }
        }
    }

    /// Draws the listener: a head from above, the nose forward.
    pub(super) fn listener(&self) {
        let Some(ScreenPoint { left, top, size }) = self.view.to_canvas(Place::default()) else {
            return;
        };
        let radius = 10.0 * size;
        self.context.set_fill_style_str(&self.palette.listener);
        self.context.begin_path();
        self.circle(left, top, radius);
        self.context
            .move_to(left - 0.45 * radius, top - 0.8 * radius);
        self.context.line_to(left, top - 1.6 * radius);
        self.context
            .line_to(left + 0.45 * radius, top - 0.8 * radius);
        self.context.fill();
    }
}
