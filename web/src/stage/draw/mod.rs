//! Drawing a scene on a canvas. Knows lines and colours, and nothing of calls.
//!
//! What has one colour is one path, so that a thousand characters are a few dozen fills and strokes.

use std::f64::consts::TAU;

use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::labels::Labels;
use super::palette::{COLOURS, Palette, colour_of};
use super::place::Place;
use super::scene::Scene;
use super::sprites::{RADIUS, Sprites};
use super::trail;
use super::view::{Perspective, Spot, View};
use crate::language::t;
use crate::ui::fixed;

/// Opacity of what may no longer be so.
const FADED: f64 = 0.35;

/// How wide a trail is where there is room, in pixels.
const TRAIL_WIDTH: f64 = 2.0;

/// How to draw, for readers who differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Off for readers who want less motion.
    pub(super) trails: bool,
    /// Faded, because what is shown may no longer be so.
    pub(super) is_stale: bool,
    /// Which character is the reader's own.
    pub(super) own: Option<u32>,
}

/// A character as it is drawn.
struct Figure<'a> {
    id: u32,
    name: &'a str,
    colour: usize,
    is_faded: bool,
    /// How large it is beside others.
    size: f64,
    place: Place,
    spot: Spot,
    heading: Option<f64>,
}

/// Draws the scene at `now`.
pub(super) fn draw(
    canvas: &HtmlCanvasElement,
    palette: &Palette,
    sprites: &mut Option<Sprites>,
    scene: &mut Scene,
    now: f64,
    options: Options,
) {
    let Some((context, width, height)) = prepare(canvas) else {
        return;
    };
    let ratio = leptos::prelude::window().device_pixel_ratio();
    let usual = usual_size(scene);
    if sprites
        .as_ref()
        .is_none_or(|sprites| !sprites.are_for(ratio, usual))
    {
        *sprites = Sprites::new(palette, ratio, usual);
    }
    let Some(sprites) = sprites else { return };
    let view = scene.view(now, width, height);
    let brush = Brush {
        context: &context,
        palette,
        sprites,
        view,
    };
    brush.ground();
    brush.grid();
    brush.listener();
    if options.trails {
        scene.grow_trails(now);
        brush.trails(scene);
    }
    let figures = figures(scene, view, now, usual, options);
    if view.camera.perspective == Perspective::Behind {
        brush.stems(&figures);
    }
    brush.characters(&figures);
    brush.marks(&figures, scene.chosen(), options.own);
    brush.names(&figures, scene.chosen(), options.own);
}

/// How large figures are where nothing brings them nearer: in a crowd each is smaller.
fn usual_size(scene: &Scene) -> f64 {
    match scene.actors().count() {
        0..=60 => 1.0,
        61..=250 => 0.75,
        _ => 0.55,
    }
}

fn figures(scene: &Scene, view: View, now: f64, usual: f64, options: Options) -> Vec<Figure<'_>> {
    let mut figures: Vec<_> = scene
        .seen(now)
        .filter_map(|(id, actor, place)| {
            let spot = view.to_canvas(place)?;
            let margin = 2.0 * RADIUS;
            let is_inside = (-margin..view.width + margin).contains(&spot.left)
                && (-margin..view.height + margin).contains(&spot.top);
            is_inside.then(|| Figure {
                id,
                name: &actor.name,
                colour: colour_of(id),
                is_faded: actor.is_stale || options.is_stale,
                size: usual * spot.size.clamp(0.5, 2.0),
                place,
                spot,
                heading: actor.heading(now),
            })
        })
        .collect();
    if view.camera.perspective == Perspective::Behind {
        // What is near covers what is far.
        figures.sort_by(|one, other| one.spot.size.total_cmp(&other.spot.size));
    }
    figures
}

/// Fits the canvas to its place on the page and to the display's pixels; its size is in CSS pixels.
fn prepare(canvas: &HtmlCanvasElement) -> Option<(CanvasRenderingContext2d, f64, f64)> {
    let ratio = leptos::prelude::window().device_pixel_ratio();
    let (width, height) = (
        f64::from(canvas.client_width()),
        f64::from(canvas.client_height()),
    );
    let pixels = (
        (width * ratio).round() as u32,
        (height * ratio).round() as u32,
    );
    if pixels.0 == 0 || pixels.1 == 0 {
        return None;
    }
    // Setting the size clears the canvas, even to the same size.
    if (canvas.width(), canvas.height()) != pixels {
        canvas.set_width(pixels.0);
        canvas.set_height(pixels.1);
    }
    let context: CanvasRenderingContext2d =
        canvas.get_context("2d").ok().flatten()?.dyn_into().ok()?;
    context
        .set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0)
        .ok()?;
    Some((context, width, height))
}

struct Brush<'a> {
    context: &'a CanvasRenderingContext2d,
    palette: &'a Palette,
    sprites: &'a Sprites,
    view: View,
}

impl Brush<'_> {
    fn ground(&self) {
        self.context.set_fill_style_str(&self.palette.ground);
        self.context
            .fill_rect(0.0, 0.0, self.view.width, self.view.height);
    }

    /// Lines each so many metres, those through the origin with their names.
    fn grid(&self) {
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

    /// How far a line of the grid is from the origin, unless the edge would cut it.
    fn metres(&self, metres: f64, place: Place, offset: (f64, f64), align: &str) {
        if let Some(spot) = self.view.to_canvas(place) {
            let step = self.view.grid_step();
            let text = fixed(metres, u8::from(step < 1.0));
            let at = (spot.left + offset.0, spot.top + offset.1);
            if (12.0..self.view.height).contains(&at.1) {
                self.text(&self.palette.label, align, &text, at);
            }
        }
    }

    /// A head seen from above, its nose forward.
    fn listener(&self) {
        let Some(Spot { left, top, size }) = self.view.to_canvas(Place::default()) else {
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

    fn trails(&self, scene: &Scene) {
        let count = scene.actors().count();
        // Short and thin ones in a crowd: a line of one of the display's pixels costs a tenth of a wider one.
        let hairline = self.sprites.pixel();
        let (length, width, opacity) = match count {
            0..=50 => (trail::PLACES, TRAIL_WIDTH, FADED),
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
            let trail = actor.trail.newest(trail::PLACES);
            self.polylines(TRAIL_WIDTH, colour_of(id), [trail]);
        }
        self.context.set_global_alpha(1.0);
    }

    /// Lines of one colour, as one path.
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
        for spot in places.filter_map(|place| self.view.to_canvas(place)) {
            if std::mem::take(&mut is_first) {
                self.context.move_to(spot.left, spot.top);
            } else {
                self.context.line_to(spot.left, spot.top);
            }
        }
    }

    /// From each character down, or up, to the ground.
    fn stems(&self, figures: &[Figure]) {
        self.context.set_line_width(1.0);
        self.context.set_stroke_style_str(&self.palette.axis);
        self.context.begin_path();
        for figure in figures {
            let Place { x, y, .. } = figure.place;
            if let Some(foot) = self.view.to_canvas(on_ground(x, y)) {
                self.context.move_to(figure.spot.left, figure.spot.top);
                self.context.line_to(foot.left, foot.top);
                self.context.move_to(foot.left - 4.0, foot.top);
                self.context.line_to(foot.left + 4.0, foot.top);
            }
        }
        self.context.stroke();
    }

    /// Whoever may not be there any more is faded.
    fn characters(&self, figures: &[Figure]) {
        for is_faded in [true, false] {
            self.context
                .set_global_alpha(if is_faded { FADED } else { 1.0 });
            for figure in figures.iter().filter(|figure| figure.is_faded == is_faded) {
                let Spot { left, top, .. } = figure.spot;
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

    /// Where it goes on the canvas, in radians, clockwise from the right.
    fn direction(&self, figure: &Figure) -> Option<f64> {
        let (sin, cos) = figure.heading?.to_radians().sin_cos();
        let ahead = Place {
            x: figure.place.x + 0.01 * cos,
            y: figure.place.y + 0.01 * sin,
            ..figure.place
        };
        let spot = self.view.to_canvas(ahead)?;
        let (dx, dy) = (spot.left - figure.spot.left, spot.top - figure.spot.top);
        Some(dy.atan2(dx))
    }

    /// A ring around the chosen one, and a ring within the reader's own.
    fn marks(&self, figures: &[Figure], chosen: u32, own: Option<u32>) {
        self.context.set_line_width(2.0);
        for figure in figures {
            let Spot { left, top, .. } = figure.spot;
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

    /// As many names as have room; the chosen one's and the reader's own first.
    fn names(&self, figures: &[Figure], chosen: u32, own: Option<u32>) {
        self.context.set_font("12px system-ui, sans-serif");
        let mut labels = Labels::new(self.view.width, self.view.height);
        for figure in figures {
            labels.take((figure.spot.left, figure.spot.top));
        }
        let is_first = |figure: &&Figure| figure.id == chosen || own == Some(figure.id);
        let first = figures.iter().filter(is_first);
        let others = figures.iter().filter(|figure| !is_first(figure));
        for figure in first.chain(others) {
            let Spot { left, top, .. } = figure.spot;
            let at = (left, top - RADIUS * figure.size - 8.0);
            // Theirs are drawn whatever they cover.
            if labels.has_room(at, figure.name) || is_first(&figure) {
                self.text(&self.palette.label, "center", figure.name, at);
            }
            if labels.is_full() {
                break;
            }
        }
    }

    fn circle(&self, left: f64, top: f64, radius: f64) {
        self.context.move_to(left + radius, top);
        // A radius is never negative, which is all that could be refused.
        let _ = self.context.arc(left, top, radius, 0.0, TAU);
    }

    fn text(&self, colour: &str, align: &str, text: &str, (left, top): (f64, f64)) {
        self.context.set_fill_style_str(colour);
        self.context.set_text_align(align);
        // Drawn or not: there is nobody to tell.
        let _ = self.context.fill_text(text, left, top);
    }
}

fn on_ground(x: f64, y: f64) -> Place {
    Place { x, y, z: 0.0 }
}
