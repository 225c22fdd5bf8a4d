//! Drawing a scene on a canvas. Knows colours and lines, and nothing of calls.

use std::f64::consts::TAU;

use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, CssStyleDeclaration, HtmlCanvasElement};

use super::point::Point;
use super::projection::Projection;
use super::scene::Scene;
use crate::language::t;
use crate::ui::fixed;

/// The colours of the theme, as the style sheet has them.
pub(super) struct Palette {
    ground: String,
    grid: String,
    axis: String,
    label: String,
    listener: String,
    character: String,
    trail: String,
}

impl Palette {
    /// Reads the custom properties of the canvas, which change with the theme.
    pub(super) fn of(canvas: &HtmlCanvasElement) -> Self {
        let style: Option<CssStyleDeclaration> = leptos::prelude::window()
            .get_computed_style(canvas)
            .ok()
            .flatten();
        let colour = |name: &str| {
            let value = style
                .as_ref()
                .and_then(|style| style.get_property_value(name).ok());
            value
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
                .unwrap_or_else(|| "gray".into())
        };
        Self {
            ground: colour("--stage-ground"),
            grid: colour("--stage-grid"),
            axis: colour("--stage-axis"),
            label: colour("--stage-label"),
            listener: colour("--stage-listener"),
            character: colour("--stage-character"),
            trail: colour("--stage-trail"),
        }
    }
}

/// How to draw, for readers who differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Off for readers who want less motion.
    pub(super) trail: bool,
    /// Faded, because what is shown may no longer be so.
    pub(super) stale: bool,
}

/// Draws the scene at `now`.
pub(super) fn draw(
    canvas: &HtmlCanvasElement,
    palette: &Palette,
    scene: &mut Scene,
    now: f64,
    options: Options,
) {
    let Some((context, width, height)) = prepare(canvas) else {
        return;
    };
    let view = scene.projection(now, width, height);
    let brush = Brush {
        context: &context,
        view,
    };
    brush.ground(&palette.ground);
    brush.grid(palette);
    brush.listener(&palette.listener);
    let Some(place) = scene.place(now) else {
        return;
    };
    context.set_global_alpha(if options.stale { 0.4 } else { 1.0 });
    if options.trail {
        scene.trail.push(now, place);
        brush.trail(&palette.trail, scene.trail.places(now));
    }
    brush.character(palette, place, scene.heading(now));
    context.set_global_alpha(1.0);
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
    view: Projection,
}

impl Brush<'_> {
    fn ground(&self, colour: &str) {
        self.context.set_fill_style_str(colour);
        self.context
            .fill_rect(0.0, 0.0, self.view.width, self.view.height);
    }

    fn grid(&self, palette: &Palette) {
        let step = self.view.grid_step();
        let Projection { width, height, .. } = self.view;
        let scale = self.view.scale();
        let lines = |length: f64| (length / 2.0 / scale / step).floor() as i32;
        self.context.set_line_width(1.0);
        self.context.set_font("12px system-ui, sans-serif");
        for index in -lines(width)..=lines(width) {
            let left = width / 2.0 - f64::from(index) * step * scale;
            self.line(
                if index == 0 {
                    &palette.axis
                } else {
                    &palette.grid
                },
                (left, 0.0),
                (left, height),
            );
            if index != 0 {
                self.text(
                    &palette.label,
                    "center",
                    &metres(f64::from(index) * step),
                    (left, height / 2.0 + 16.0),
                );
            }
        }
        for index in -lines(height)..=lines(height) {
            let top = height / 2.0 - f64::from(index) * step * scale;
            self.line(
                if index == 0 {
                    &palette.axis
                } else {
                    &palette.grid
                },
                (0.0, top),
                (width, top),
            );
            if index != 0 {
                self.text(
                    &palette.label,
                    "left",
                    &metres(f64::from(index) * step),
                    (width / 2.0 + 6.0, top + 4.0),
                );
            }
        }
        self.text(
            &palette.axis,
            "right",
            t("x forward (m)"),
            (width / 2.0 - 8.0, 18.0),
        );
        self.text(
            &palette.axis,
            "left",
            t("y left (m)"),
            (8.0, height / 2.0 - 8.0),
        );
    }

    /// A head seen from above, its nose forward.
    fn listener(&self, colour: &str) {
        let (left, top) = self.view.to_canvas(Point::default());
        self.context.set_fill_style_str(colour);
        self.disc((left, top), 7.0);
        self.context.begin_path();
        self.context.move_to(left - 4.0, top - 6.0);
        self.context.line_to(left, top - 13.0);
        self.context.line_to(left + 4.0, top - 6.0);
        self.context.fill();
    }

    fn trail(&self, colour: &str, places: impl Iterator<Item = (f64, Point)>) {
        let alpha = self.context.global_alpha();
        self.context.set_stroke_style_str(colour);
        self.context.set_line_cap("butt");
        let mut last: Option<(f64, f64)> = None;
        for (freshness, place) in places {
            let here = self.view.to_canvas(place);
            if let Some(last) = last {
                self.context.set_global_alpha(alpha * freshness * 0.8);
                self.context.set_line_width(1.0 + 4.0 * freshness);
                self.context.begin_path();
                self.context.move_to(last.0, last.1);
                self.context.line_to(here.0, here.1);
                self.context.stroke();
            }
            last = Some(here);
        }
        self.context.set_global_alpha(alpha);
    }

    fn character(&self, palette: &Palette, place: Point, heading: Option<f64>) {
        let (left, top) = self.view.to_canvas(place);
        self.context.set_fill_style_str(&palette.character);
        if let Some(heading) = heading {
            // On the canvas forward is up and left is left, so the angle runs against the clock from up.
            let angle = heading.to_radians();
            let (sin, cos) = (js_sys::Math::sin(angle), js_sys::Math::cos(angle));
            let along = |forward: f64, sideways: f64| {
                (
                    left - sin * forward - cos * sideways,
                    top - cos * forward + sin * sideways,
                )
            };
            let (tip, one, other) = (along(22.0, 0.0), along(9.0, 7.0), along(9.0, -7.0));
            self.context.begin_path();
            self.context.move_to(tip.0, tip.1);
            self.context.line_to(one.0, one.1);
            self.context.line_to(other.0, other.1);
            self.context.fill();
        }
        self.disc((left, top), 11.0);
    }

    fn disc(&self, (left, top): (f64, f64), radius: f64) {
        self.context.begin_path();
        // Fails for a negative radius only.
        let _ = self.context.arc(left, top, radius, 0.0, TAU);
        self.context.fill();
    }

    fn line(&self, colour: &str, from: (f64, f64), to: (f64, f64)) {
        // Half a pixel in, where a line of one pixel is sharp.
        let sharp = |value: f64| value.floor() + 0.5;
        self.context.set_stroke_style_str(colour);
        self.context.begin_path();
        self.context.move_to(sharp(from.0), sharp(from.1));
        self.context.line_to(sharp(to.0), sharp(to.1));
        self.context.stroke();
    }

    fn text(&self, colour: &str, align: &str, text: &str, (left, top): (f64, f64)) {
        self.context.set_fill_style_str(colour);
        self.context.set_text_align(align);
        // Fails never; the binding says it might.
        let _ = self.context.fill_text(text, left, top);
    }
}

/// A number of metres as the grid is labelled, without needless zeros.
fn metres(value: f64) -> String {
    let is_whole = (value - value.round()).abs() < 0.01;
    fixed(value, u8::from(!is_whole))
}
