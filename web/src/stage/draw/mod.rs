//! Drawing a scene on a canvas. Knows lines and colours, and nothing of calls.
//!
//! Trails of one colour are one path, and figures are copies, so that a thousand characters take less than a frame.

mod figures;
mod ground;
mod labels;
mod sprites;

use std::f64::consts::TAU;

use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::palette::{Palette, colour_of};
use super::place::Place;
use super::scene::Scene;
use super::view::{Perspective, ScreenPoint, View};
use sprites::{RADIUS, Sprites};

/// Opacity of what may no longer be so.
const FADED: f64 = 0.35;

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
    spot: ScreenPoint,
    heading: Option<f64>,
}

/// Draws scenes on a canvas.
pub(super) struct Painter {
    canvas: HtmlCanvasElement,
    palette: Palette,
    sprites: Option<Sprites>,
}

impl Painter {
    pub(super) fn new(canvas: HtmlCanvasElement) -> Self {
        Self {
            palette: Palette::of(&canvas),
            sprites: None,
            canvas,
        }
    }

    /// Reads the colours again: the theme may have changed.
    pub(super) fn read_colours(&mut self) {
        let palette = Palette::of(&self.canvas);
        if palette != self.palette {
            self.palette = palette;
            self.sprites = None;
        }
    }

    /// Draws the scene as it is at `now`.
    pub(super) fn draw(&mut self, scene: &mut Scene, now: f64, options: Options) {
        let ratio = leptos::prelude::window().device_pixel_ratio();
        let Some((context, width, height)) = prepare(&self.canvas, ratio) else {
            return;
        };
        let usual = usual_size(scene);
        let sprites = self.sprites.take();
        let sprites = sprites.filter(|sprites| sprites.are_for(ratio, usual));
        self.sprites = sprites.or_else(|| Sprites::new(&self.palette, ratio, usual));
        let Some(sprites) = &self.sprites else { return };
        let view = scene.view(now, width, height);
        let brush = Brush {
            context: &context,
            palette: &self.palette,
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
}

/// How large figures are where nothing brings them nearer: in a crowd each is smaller.
fn usual_size(scene: &Scene) -> f64 {
    match scene.count() {
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
fn prepare(canvas: &HtmlCanvasElement, ratio: f64) -> Option<(CanvasRenderingContext2d, f64, f64)> {
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
