//! The chosen character over time: where it was, and how evenly its samples arrive.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use plotters::prelude::*;
use plotters_canvas::CanvasBackend;
use web_sys::HtmlCanvasElement;

use super::history::{Arrival, History, SPAN};
use super::palette::Palette;
use super::scene::Scene;
use crate::browser;
use crate::language::t;

/// How often a plot is drawn: it costs as much as the stage does, and moves slowly.
const INTERVAL: Duration = Duration::from_millis(500);

/// A line of a plot: its name, its colour, and what it shows.
type Line = (&'static str, usize, fn(&Arrival) -> f64);

/// The plots.
#[component]
pub(super) fn Plots(scene: StoredValue<Scene, LocalStorage>) -> impl IntoView {
    view! {
        <section class="stage-section stage-plots" aria-labelledby="plots-heading">
            <h2 id="plots-heading">{t("Over time")}</h2>
            <Plot scene title=t("Place, in metres") lines=vec![
                ("x", 0, |arrival| arrival.place.x),
                ("y", 1, |arrival| arrival.place.y),
                ("z", 2, |arrival| arrival.place.z),
            ] least=0.5 />
            <Plot scene title=t("Later than on the quickest way, in milliseconds") lines=vec![
                (t("Delay"), 3, |arrival| arrival.late),
                (t("Jitter"), 4, |arrival| arrival.jitter),
            ] least=10.0 />
        </section>
    }
}

/// One plot. Its scale spans at least so much.
#[component]
fn Plot(
    scene: StoredValue<Scene, LocalStorage>,
    title: &'static str,
    lines: Vec<Line>,
    least: f64,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let legend = lines.clone();
    browser::spawn_scoped(async move {
        loop {
            if let Some(canvas) = canvas.get_untracked() {
                scene.with_value(|scene| draw(&canvas, &scene.history, &lines, least));
            }
            browser::sleep(INTERVAL).await;
        }
    });
    let legend = legend.into_iter().map(|(name, colour, _)| {
        view! { <span class="legend"><span class=format!("dot colour-{colour}")></span>{name}</span> }
    });
    view! {
        <figure class="plot">
            <figcaption>{title}" "{legend.collect_view()}</figcaption>
            <canvas node_ref=canvas role="img" aria-label=title></canvas>
        </figure>
    }
}

/// Draws the last seconds. What cannot be drawn leaves an empty plot; there is nobody to tell.
fn draw(canvas: &HtmlCanvasElement, history: &History, lines: &[Line], least: f64) {
    let ratio = window().device_pixel_ratio();
    let size = |length: i32| (f64::from(length) * ratio).round() as u32;
    let (width, height) = (size(canvas.client_width()), size(canvas.client_height()));
    if width < 100 || height < 60 {
        return;
    }
    // Setting the size clears the canvas, even to the same size.
    canvas.set_width(width);
    canvas.set_height(height);
    let _ = plot(canvas, history, lines, least, ratio);
}

fn plot(
    canvas: &HtmlCanvasElement,
    history: &History,
    lines: &[Line],
    least: f64,
    ratio: f64,
) -> Option<()> {
    let now = browser::now();
    let (low, high) = range(history, lines, least);
    let pixels = |length: f64| (length * ratio).round() as u32;
    let palette = Palette::of(canvas);
    let (text, grid) = (colour(&palette.label), colour(&palette.grid));
    let area = CanvasBackend::with_canvas_object(canvas.clone())?.into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(pixels(6.0))
        .margin_right(pixels(16.0))
        .x_label_area_size(pixels(20.0))
        .y_label_area_size(pixels(40.0))
        .build_cartesian_2d(-SPAN / 1000.0..0.0, low..high)
        .ok()?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(grid)
        .light_line_style(grid.mix(0.0))
        .axis_style(grid)
        .label_style(("system-ui", pixels(11.0)).into_font().color(&text))
        .x_labels(5)
        .y_labels(4)
        .x_label_formatter(&|seconds| format!("{seconds:.0} s"))
        .draw()
        .ok()?;
    for (_, index, value) in lines {
        let points = history
            .arrivals()
            .map(|arrival| ((arrival.at - now) / 1000.0, value(arrival)));
        // It is where it was, until another arrives.
        let newest = history.newest().map(|arrival| (0.0, value(arrival)));
        let points = points.chain(newest);
        let style = colour(&palette.characters[*index]).stroke_width(pixels(1.5));
        chart.draw_series(LineSeries::new(points, style)).ok()?;
    }
    area.present().ok()
}

/// From the least to the greatest value, with room around them.
fn range(history: &History, lines: &[Line], least: f64) -> (f64, f64) {
    let values = history
        .arrivals()
        .flat_map(|arrival| lines.iter().map(move |(_, _, value)| value(arrival)));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (0.0, least);
    }
    let room = ((high - low) * 0.1).max((least - (high - low)) / 2.0);
    if (0.0..room).contains(&low) {
        // What is never negative begins at nothing.
        return (0.0, (high + room).max(least));
    }
    (low - room, high + room)
}

/// A colour of the style sheet, `#rrggbb`.
fn colour(value: &str) -> RGBColor {
    let part = |at: usize| u8::from_str_radix(value.get(at..at + 2)?, 16).ok();
    match (part(1), part(3), part(5)) {
        (Some(red), Some(green), Some(blue)) => RGBColor(red, green, blue),
        _ => RGBColor(128, 128, 128),
    }
}
