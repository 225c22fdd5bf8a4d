//! Virtual lists: which rows to render for a scroll position.
//!
//! Browsers limit the height of an element to about ten million pixels, which a million rows exceed. Above
//! [`MAX_HEIGHT`] the scroll bar represents all rows in proportion, while the wheel and the keys still move row by row:
//! a short scroll moves by its pixels, a long scroll (a drag of the bar) in proportion.

use std::ops::Range;

/// The maximum height of a list, in pixels.
const MAX_HEIGHT: f64 = 8_000_000.0;

/// Rows rendered beyond each edge of the view, so that fast scrolling shows no gap.
const OVERSCAN: f64 = 8.0;

/// A scroll of more than this many view heights is a long scroll.
const LONG_SCROLL: f64 = 3.0;

/// The size of a list: its rows, and pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ListGeometry {
    pub(crate) rows: u32,
    pub(crate) row_height: f64,
    pub(crate) view_height: f64,
}

/// The scroll position of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ScrollPosition {
    /// The browser's scroll offset, in pixels.
    pub(crate) scroll_top: f64,
    /// The row at the upper edge; the fraction is the hidden part of the row.
    pub(crate) top_row: f64,
}

/// The rows to render, and the space around them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RenderedRows {
    pub(crate) rows: Range<u32>,
    /// Pixels above the first rendered row.
    pub(crate) before: f64,
    /// Pixels below the last rendered row.
    pub(crate) after: f64,
}

impl ListGeometry {
    fn height(&self) -> f64 {
        (f64::from(self.rows) * self.row_height).min(MAX_HEIGHT)
    }

    fn is_scaled(&self) -> bool {
        f64::from(self.rows) * self.row_height > MAX_HEIGHT
    }

    /// Returns the top row when the list is scrolled to its end.
    fn last_top_row(&self) -> f64 {
        (f64::from(self.rows) - self.view_height / self.row_height).max(0.0)
    }

    /// Returns the position after the browser has scrolled from `from` to `scroll_top`.
    pub(crate) fn scrolled(&self, from: ScrollPosition, scroll_top: f64) -> ScrollPosition {
        let last = self.last_top_row();
        let longest = (self.height() - self.view_height).max(1.0);
        let distance = scroll_top - from.scroll_top;
        let is_at_an_end = scroll_top <= 0.0 || scroll_top >= longest - 1.0;
        let top_row = if !self.is_scaled() {
            scroll_top / self.row_height
        } else if is_at_an_end || distance.abs() > LONG_SCROLL * self.view_height {
            scroll_top / longest * last
        } else {
            from.top_row + distance / self.row_height
        };
        ScrollPosition {
            scroll_top,
            // `clamp` can panic with a message that formats numbers, which adds kilobytes to the download.
            top_row: top_row.max(0.0).min(last),
        }
    }

    /// Returns the nearest position that shows all of a row, below a heading as high as a row.
    pub(crate) fn reveal(&self, from: ScrollPosition, row: u32) -> ScrollPosition {
        let row = f64::from(row.min(self.rows.saturating_sub(1)));
        let last = self.last_top_row();
        // The heading covers one row of the view.
        let lowest = row + 2.0 - self.view_height / self.row_height;
        let top_row = from.top_row.min(row).max(lowest).max(0.0).min(last);
        let distance = (top_row - from.top_row) * self.row_height;
        let scroll_top = if !self.is_scaled() {
            top_row * self.row_height
        } else if distance.abs() > LONG_SCROLL * self.view_height {
            top_row / last * (self.height() - self.view_height)
        } else {
            from.scroll_top + distance
        };
        ScrollPosition {
            scroll_top: scroll_top.round(),
            top_row,
        }
    }

    /// Returns the rows to render at a position.
    pub(crate) fn rendered(&self, position: ScrollPosition) -> RenderedRows {
        let top = position.top_row.floor();
        // The space above must be as high as the rows rendered there.
        let overscan = OVERSCAN
            .min(top)
            .min((position.scroll_top / self.row_height).floor().max(0.0));
        let first = top - overscan;
        let visible = (self.view_height / self.row_height).ceil() + 1.0;
        let end = (top + visible + OVERSCAN).min(f64::from(self.rows));
        let before = (position.scroll_top - (position.top_row - first) * self.row_height).max(0.0);
        let after = (self.height() - before - (end - first) * self.row_height).max(0.0);
        RenderedRows {
            rows: first as u32..end as u32,
            before,
            after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: ListGeometry = ListGeometry {
        rows: 1000,
        row_height: 40.0,
        view_height: 400.0,
    };
    const LONG: ListGeometry = ListGeometry {
        rows: 1_000_000,
        ..SHORT
    };

    fn is_at(position: ScrollPosition, row: f64) -> bool {
        (position.top_row - row).abs() < 1e-6
    }

    #[test]
    fn a_short_list_is_rendered_at_its_scroll_offset() {
        let top = SHORT.rendered(ScrollPosition::default());
        assert_eq!(
            top,
            RenderedRows {
                rows: 0..19,
                before: 0.0,
                after: 981.0 * 40.0
            }
        );
        let position = SHORT.scrolled(ScrollPosition::default(), 4020.0);
        assert!(is_at(position, 100.5));
        let rendered = SHORT.rendered(position);
        assert_eq!(
            (rendered.rows.clone(), rendered.before),
            (92..119, 92.0 * 40.0)
        );
        let end = SHORT.rendered(SHORT.scrolled(position, 39_600.0));
        assert_eq!((end.rows, end.after), (982..1000, 0.0));
    }

    #[test]
    fn the_bar_reaches_a_million_rows_and_the_wheel_moves_row_by_row() {
        let longest = MAX_HEIGHT - 400.0;
        let middle = LONG.scrolled(ScrollPosition::default(), longest / 2.0);
        assert!(is_at(middle, 499_995.0));
        let next = LONG.scrolled(middle, middle.scroll_top + 40.0);
        assert!(is_at(next, 499_996.0), "one row for one wheel step");
        let rendered = LONG.rendered(next);
        let row_on_screen = rendered.before + f64::from(499_996 - rendered.rows.start) * 40.0;
        assert!((row_on_screen - next.scroll_top).abs() < 1e-6);
        let height = rendered.before + rendered.after + rendered.rows.len() as f64 * 40.0;
        assert!((height - MAX_HEIGHT).abs() < 1e-6);
        let end = LONG.scrolled(next, longest);
        assert_eq!(LONG.rendered(end).rows.end, 1_000_000);
        assert!(is_at(LONG.scrolled(end, 0.0), 0.0));
    }

    #[test]
    fn reveal_scrolls_no_further_than_needed() {
        let position = SHORT.reveal(ScrollPosition::default(), 5);
        assert_eq!(position, ScrollPosition::default(), "already in view");
        let below = SHORT.reveal(position, 20);
        assert!(is_at(below, 12.0));
        assert_eq!(below, SHORT.scrolled(position, below.scroll_top));
        assert!(is_at(SHORT.reveal(below, 3), 3.0));
        let end = LONG.reveal(position, 999_999);
        assert!(is_at(end, 999_990.0));
        assert_eq!(LONG.rendered(end).rows.end, 1_000_000);
        let up = LONG.reveal(end, 999_989);
        assert!(is_at(up, 999_989.0));
        assert!((up.scroll_top - end.scroll_top + 40.0).abs() < 1e-6);
    }

    #[test]
    fn a_list_shorter_than_its_view_has_no_space_around() {
        let three = ListGeometry { rows: 3, ..SHORT };
        let rendered = three.rendered(three.scrolled(ScrollPosition::default(), 0.0));
        assert_eq!(
            rendered,
            RenderedRows {
                rows: 0..3,
                before: 0.0,
                after: 0.0
            }
        );
        let none = ListGeometry { rows: 0, ..SHORT };
        assert_eq!(none.rendered(ScrollPosition::default()).rows, 0..0);
    }
}
