//! Plots of the chosen character: its position, and the delay and jitter of its samples.

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

/// The time between two drawings of a plot. A plot costs as much as a frame of the stage, and moves slowly.
const INTERVAL: Duration = Duration::from_millis(500);

/// A line of a plot: its name, the index of its colour, and its value.
type Line = (&'static str, usize, fn(&Arrival) -> f64);

/// The plots.
#[component]
pub(super) fn Plots(scene: StoredValue<Scene, LocalStorage>) -> impl IntoView {
    view! {
        <section class="stage-section stage-plots" aria-labelledby="plots-heading">
            <h2 id="plots-heading">{t("Over time")}</h2>
            <Plot scene title=t("Position (m)") lines=vec![
                ("x", 0, |arrival| arrival.place.x),
                ("y", 1, |arrival| arrival.place.y),
                ("z", 2, |arrival| arrival.place.z),
            ] min_range=0.5 />
            <Plot scene title=t("Delay above the minimum (ms)") lines=vec![
                (t("Delay"), 3, |arrival| arrival.delay),
                (t("Jitter"), 4, |arrival| arrival.jitter),
            ] min_range=10.0 />
        </section>
    }
}

/// One plot. Its value axis spans at least `min_range`.
#[component]
fn Plot(
    scene: StoredValue<Scene, LocalStorage>,
    title: &'static str,
    lines: Vec<Line>,
    min_range: f64,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let legend = lines.clone();
    browser::spawn_scoped(async move {
        loop {
            if let Some(canvas) = canvas.get_untracked() {
                scene.with_value(|scene| draw(&canvas, &scene.history, &lines, min_range));
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

/// Draws the history. If the browser refuses, the plot stays empty.
fn draw(canvas: &HtmlCanvasElement, history: &History, lines: &[Line], min_range: f64) {
    let ratio = window().device_pixel_ratio();
    let size = |length: i32| (f64::from(length) * ratio).round() as u32;
    let (width, height) = (size(canvas.client_width()), size(canvas.client_height()));
    if width < 100 || height < 60 {
        return;
    }
    // Setting the size clears the canvas, even to the same size.
    canvas.set_width(width);
    canvas.set_height(height);
    let _ = plot(canvas, history, lines, min_range, ratio);
}

fn plot(
    canvas: &HtmlCanvasElement,
    history: &History,
    lines: &[Line],
    min_range: f64,
    ratio: f64,
) -> Option<()> {
    let now = browser::now();
    let (low, high) = range(history, lines, min_range);
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
        // The line continues at the newest value up to now.
        let newest = history.newest().map(|arrival| (0.0, value(arrival)));
        let points = points.chain(newest);
        let style = colour(&palette.characters[*index]).stroke_width(pixels(1.5));
        chart.draw_series(LineSeries::new(points, style)).ok()?;
    }
    area.present().ok()
}

/// Returns the lower and the upper end of the value axis.
fn range(history: &History, lines: &[Line], min_range: f64) -> (f64, f64) {
    let values = history
        .arrivals()
        .flat_map(|arrival| lines.iter().map(move |(_, _, value)| value(arrival)));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (0.0, min_range);
    }
    let room = ((high - low) * 0.1).max((min_range - (high - low)) / 2.0);
    if (0.0..room).contains(&low) {
        // An axis of values that are never negative starts at zero.
        return (0.0, (high + room).max(min_range));
    }
    (low - room, high + room)
}

/// Parses a colour of the style sheet, `#rrggbb`.
fn colour(value: &str) -> RGBColor {
    let part = |at: usize| u8::from_str_radix(value.get(at..at + 2)?, 16).ok();
    match (part(1), part(3), part(5)) {
        (Some(red), Some(green), Some(blue)) => RGBColor(red, green, blue),
        _ => RGBColor(128, 128, 128),
    }
}
