//! The colours of the theme, read from the style sheet.

use web_sys::{CssStyleDeclaration, HtmlCanvasElement};

/// The number of character colours.
pub(super) const COLOURS: usize = 8;

/// The colours of the stage.
#[derive(PartialEq)]
pub(super) struct Palette {
    pub(super) ground: String,
    pub(super) grid: String,
    pub(super) axis: String,
    pub(super) label: String,
    pub(super) listener: String,
    pub(super) characters: [String; COLOURS],
}

/// Returns the index of a character's colour.
pub(super) fn colour_of(id: u32) -> usize {
    // Ids start at 1.
    id.wrapping_sub(1) as usize % COLOURS
}

impl Palette {
    /// Reads the custom properties of the canvas. They change with the theme.
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
            characters: std::array::from_fn(|index| colour(&format!("--stage-colour-{index}"))),
        }
    }
}
