//! The characters: trails, figures and names.

use super::super::palette::{COLOURS, colour_of};
use super::super::place::Place;
use super::super::scene::Scene;
use super::super::trail;
use super::super::view::ScreenPoint;
use super::brush::{Brush, FADED, Figure, on_ground};
use super::labels::Labels;
use super::sprites::RADIUS;

/// The width of a trail in CSS pixels, except in a crowd.
const TRAIL_WIDTH: f64 = 2.0;

impl Brush<'_> {
    /// Draws the trails of all visible characters.
    pub(super) fn trails(&self, scene: &Scene) {
        // In a crowd trails are short and thin: a line of one device pixel costs a tenth of a wider line.
        let hairline = self.sprites.pixel();
        let (length, width, opacity) = match scene.count() {
            0..=50 => (trail::MAX_PLACES, TRAIL_WIDTH, FADED),
            51..=200 => (20, hairline, 2.0 * FADED),
            _ => (6, hairline, 2.0 * FADED),
        };
        let chosen = scene.chosen();
        let shown = || scene.actors().filter(|(_, actor)| !actor.is_hidden);
        self.context.set_global_alpha(opacity);
        for colour in 0..COLOURS {
            let others = shown().filter(|(id, _)| colour_of(*id) == colour && *id != chosen);
            let trails = others.map(|(_, actor)| actor.trail.newest(length));
            self.polylines(width, colour, trails);
        }
        self.context.set_global_alpha(FADED);
        let chosen = shown().filter(|(id, _)| *id == chosen);
        for (id, actor) in chosen {
            let trail = actor.trail.newest(trail::MAX_PLACES);
            self.polylines(TRAIL_WIDTH, colour_of(id), [trail]);
        }
        self.context.set_global_alpha(1.0);
    }

    /// Draws lines of one colour as one path.
    fn polylines<L: Iterator<Item = Place>>(
        &self,
        width: f64,
        colour: usize,
        lines: impl IntoIterator<Item = L>,
    ) {
        self.context.set_line_width(width);
        self.context
            .set_stroke_style_str(&self.palette.characters[colour]);
        self.context.begin_path();
        for line in lines {
            self.polyline(line);
        }
        self.context.stroke();
    }

    fn polyline(&self, places: impl Iterator<Item = Place>) {
        let mut is_first = true;
        for point in places.filter_map(|place| self.view.to_canvas(place)) {
            if std::mem::take(&mut is_first) {
                self.context.move_to(point.left, point.top);
            } else {
                self.context.line_to(point.left, point.top);
            }
        }
    }

    /// Draws a line from each figure to the ground.
    pub(super) fn stems(&self, figures: &[Figure]) {
        self.context.set_line_width(1.0);
        self.context.set_stroke_style_str(&self.palette.axis);
        self.context.begin_path();
        for figure in figures {
            let Place { x, y, .. } = figure.place;
            if let Some(foot) = self.view.to_canvas(on_ground(x, y)) {
                self.context.move_to(figure.point.left, figure.point.top);
                self.context.line_to(foot.left, foot.top);
                self.context.move_to(foot.left - 4.0, foot.top);
                self.context.line_to(foot.left + 4.0, foot.top);
            }
        }
        self.context.stroke();
    }

    /// Draws the figures; stale characters are faded.
    pub(super) fn characters(&self, figures: &[Figure]) {
        for is_faded in [true, false] {
            self.context
                .set_global_alpha(if is_faded { FADED } else { 1.0 });
            for figure in figures.iter().filter(|figure| figure.is_faded == is_faded) {
                let ScreenPoint { left, top, .. } = figure.point;
                let direction = self.direction(figure);
                self.sprites.draw(
                    self.context,
                    figure.colour,
                    direction,
                    (left, top),
                    figure.size,
                );
            }
        }
        self.context.set_global_alpha(1.0);
    }

    /// Returns the direction of a figure on the canvas, in radians clockwise from the right.
    fn direction(&self, figure: &Figure) -> Option<f64> {
        let (sin, cos) = figure.heading?.to_radians().sin_cos();
        let ahead = Place {
            x: figure.place.x + 0.01 * cos,
            y: figure.place.y + 0.01 * sin,
            ..figure.place
        };
        let ahead = self.view.to_canvas(ahead)?;
        let (dx, dy) = (ahead.left - figure.point.left, ahead.top - figure.point.top);
        Some(dy.atan2(dx))
    }

    /// Draws a ring around the chosen character, and a disc in the reader's own character.
    pub(super) fn marks(&self, figures: &[Figure], chosen: u32, own: Option<u32>) {
        self.context.set_line_width(2.0);
        for figure in figures {
            let ScreenPoint { left, top, .. } = figure.point;
            let radius = RADIUS * figure.size;
            if figure.id == chosen {
                self.context.set_stroke_style_str(&self.palette.listener);
                self.context.begin_path();
                self.circle(left, top, radius + 5.0);
                self.context.stroke();
            }
            if own == Some(figure.id) {
                self.context.set_fill_style_str(&self.palette.ground);
                self.context.begin_path();
                self.circle(left, top, 0.45 * radius);
                self.context.fill();
            }
        }
    }

    /// Draws the names that have room. Always draws the names of the chosen character and of the reader's own
    /// character.
    pub(super) fn names(&self, figures: &[Figure], chosen: u32, own: Option<u32>) {
        self.context.set_font("12px system-ui, sans-serif");
        let mut labels = Labels::new(self.view.width, self.view.height);
        for figure in figures {
            labels.take((figure.point.left, figure.point.top));
        }
        let is_first = |figure: &&Figure| figure.id == chosen || own == Some(figure.id);
        let first = figures.iter().filter(is_first);
        let others = figures.iter().filter(|figure| !is_first(figure));
        for figure in first.chain(others) {
            let ScreenPoint { left, top, .. } = figure.point;
            let at = (left, top - RADIUS * figure.size - 8.0);
            if labels.try_place(at, figure.name) || is_first(&figure) {
                self.text(&self.palette.label, "center", figure.name, at);
            }
            if labels.is_full() {
                break;
            }
        }
    }
}
