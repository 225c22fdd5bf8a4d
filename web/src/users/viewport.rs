//! The part of the table that is seen: its measures, and where it is scrolled to.

use leptos::html;
use leptos::prelude::*;

use super::scroll::{Drawn, Place, Scale};
use crate::browser;

/// Heights of a row in pixels, as in `style.css`: on a wide screen, and where the mail address is under the name.
const ROW_HEIGHTS: (f64, f64) = (44.0, 64.0);

/// A table that scrolls within an element.
#[derive(Clone, Copy)]
pub(super) struct Viewport {
    pub(super) container: NodeRef<html::Div>,
    /// The rows to draw, and the space around them.
    pub(super) drawn: Memo<Drawn>,
    rows: Memo<u32>,
    place: RwSignal<Place>,
    view_height: RwSignal<f64>,
    row_height: RwSignal<f64>,
}

impl Viewport {
    /// For so many rows; `round` changes when the table begins at its top again.
    pub(super) fn new(rows: Memo<u32>, round: RwSignal<u32>) -> Self {
        let place = RwSignal::new(Place::default());
        let view_height = RwSignal::new(600.0);
        let row_height = RwSignal::new(ROW_HEIGHTS.0);
        let drawn = Memo::new(move |_| {
            let scale = Scale {
                rows: rows.get(),
                row_height: row_height.get(),
                view_height: view_height.get(),
            };
            scale.drawn(place.get())
        });
        let viewport = Self {
            container: NodeRef::new(),
            drawn,
            rows,
            place,
            view_height,
            row_height,
        };
        Effect::new(move |_| {
            viewport.container.track();
            viewport.measure();
        });
        let resized = window_event_listener_untyped("resize", move |_| viewport.measure());
        on_cleanup(move || resized.remove());
        Effect::new(move |_| {
            round.track();
            viewport.place.set(Place::default());
            if let Some(element) = viewport.container.get_untracked() {
                element.set_scroll_top(0);
            }
        });
        viewport
    }

    /// Takes over where the browser has scrolled to.
    pub(super) fn scrolled(self) {
        let scale = self.scale();
        if let Some(element) = self.container.get_untracked() {
            let top = f64::from(element.scroll_top());
            self.place
                .update(|place| *place = scale.scrolled(*place, top));
        }
    }

    /// Scrolls as little as brings a row into view.
    pub(super) fn reveal(self, row: u32) {
        let place = self.scale().reveal(self.place.get_untracked(), row);
        self.place.set(place);
        if let Some(element) = self.container.get_untracked() {
            element.set_scroll_top(place.scroll_top as i32);
        }
    }

    /// How many rows are seen at once.
    pub(super) fn page(self) -> u32 {
        (self.view_height.get_untracked() / self.row_height.get_untracked()) as u32
    }

    /// The row at the upper edge.
    pub(super) fn top_row(self) -> u32 {
        self.place.with_untracked(|place| place.top_row.ceil()) as u32
    }

    fn scale(self) -> Scale {
        Scale {
            rows: self.rows.get_untracked(),
            row_height: self.row_height.get_untracked(),
            view_height: self.view_height.get_untracked(),
        }
    }

    fn measure(self) {
        let is_narrow = browser::media_matches("(max-width: 40rem)");
        let height = if is_narrow {
            ROW_HEIGHTS.1
        } else {
            ROW_HEIGHTS.0
        };
        self.row_height.set(height);
        if let Some(element) = self.container.get_untracked() {
            self.view_height.set(f64::from(element.client_height()));
        }
    }
}
