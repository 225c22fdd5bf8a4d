//! Draws a scene on a canvas.
//!
//! Trails of one colour are one path, and figures are copies of sprites, so that a thousand characters take less than a
//! frame.

mod brush;
mod figures;
mod ground;
mod labels;
mod sprites;

use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::camera::Perspective;
use super::palette::{Palette, colour_of};
use super::scene::Scene;
use super::view::View;
use brush::{Brush, Figure};
use sprites::{RADIUS, Sprites};

/// The options of a drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Whether trails are drawn; off for readers who prefer reduced motion.
    pub(super) trails: bool,
    /// Whether all characters are faded, because the stream is broken.
    pub(super) is_stale: bool,
    /// The reader's own character.
    pub(super) own: Option<u32>,
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
        let usual = usual_scale(scene);
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

/// Returns the usual scale of figures: smaller in a crowd.
fn usual_scale(scene: &Scene) -> f64 {
    match scene.count() {
        0..=60 => 1.0,
        61..=250 => 0.75,
        _ => 0.55,
    }
}

/// Returns the figures of the visible characters on the canvas.
fn figures(scene: &Scene, view: View, now: f64, usual: f64, options: Options) -> Vec<Figure<'_>> {
    let mut figures: Vec<_> = scene
        .visible(now)
        .filter_map(|(id, actor, place)| {
            let point = view.to_canvas(place)?;
            let margin = 2.0 * RADIUS;
            let is_inside = (-margin..view.width + margin).contains(&point.left)
                && (-margin..view.height + margin).contains(&point.top);
            is_inside.then(|| Figure {
                id,
                name: &actor.name,
                colour: colour_of(id),
                is_faded: actor.is_stale || options.is_stale,
                size: usual * point.size.clamp(0.5, 2.0),
                place,
                point,
                heading: actor.heading(now),
            })
        })
        .collect();
    if view.camera.perspective == Perspective::Behind {
        // Near figures cover distant figures.
        figures.sort_by(|one, other| one.point.size.total_cmp(&other.point.size));
    }
    figures
}

/// Fits the resolution of the canvas to the display. Returns its context, and its width and height in CSS pixels.
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
    // Setting the size clears the canvas, even if the size stays.
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
