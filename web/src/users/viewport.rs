//! The visible part of the table: its size, and its scroll position.

use leptos::html;
use leptos::prelude::*;

use crate::browser;
use crate::ui::{ListGeometry, RenderedRows, ScrollPosition};

/// Row heights in pixels, as in the style sheet: wide, and narrow with the mail address under the name.
const ROW_HEIGHTS: (f64, f64) = (44.0, 64.0);

/// The scrolling container of the table.
#[derive(Clone, Copy)]
pub(super) struct Viewport {
    pub(super) container: NodeRef<html::Div>,
    pub(super) rendered: Memo<RenderedRows>,
    rows: Memo<u32>,
    position: RwSignal<ScrollPosition>,
    view_height: RwSignal<f64>,
    row_height: RwSignal<f64>,
}

impl Viewport {
    /// Creates the viewport of a table with `rows` rows. A change of `shown` scrolls to the top.
    pub(super) fn new(rows: Memo<u32>, shown: RwSignal<u32>) -> Self {
        let position = RwSignal::new(ScrollPosition::default());
        let view_height = RwSignal::new(600.0);
        let row_height = RwSignal::new(ROW_HEIGHTS.0);
        let rendered = Memo::new(move |_| {
            let geometry = ListGeometry {
                rows: rows.get(),
                row_height: row_height.get(),
                view_height: view_height.get(),
            };
            geometry.rendered(position.get())
        });
        let viewport = Self {
            container: NodeRef::new(),
            rendered,
            rows,
            position,
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
            shown.track();
            viewport.position.set(ScrollPosition::default());
            if let Some(element) = viewport.container.get_untracked() {
                element.set_scroll_top(0);
            }
        });
        viewport
    }

    /// Adopts the browser's scroll offset.
    pub(super) fn scrolled(self) {
        let geometry = self.geometry();
        if let Some(element) = self.container.get_untracked() {
            let scroll_top = f64::from(element.scroll_top());
            self.position
                .update(|position| *position = geometry.scrolled(*position, scroll_top));
        }
    }

    /// Scrolls as little as possible to show all of a row.
    pub(super) fn reveal(self, row: u32) {
        let position = self.geometry().reveal(self.position.get_untracked(), row);
        self.position.set(position);
        if let Some(element) = self.container.get_untracked() {
            element.set_scroll_top(position.scroll_top as i32);
        }
    }

    /// Returns the number of rows that fit into the view.
    pub(super) fn page(self) -> u32 {
        (self.view_height.get_untracked() / self.row_height.get_untracked()) as u32
    }

    /// Returns the first row that is wholly visible.
    pub(super) fn top_row(self) -> u32 {
        let position = self.position.get_untracked();
        position.top_row.ceil() as u32
    }

    fn geometry(self) -> ListGeometry {
        ListGeometry {
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
