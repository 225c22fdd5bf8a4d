//! From where a table is scrolled to, to the rows to draw.
//!
//! Browsers do not make an element higher than some ten million pixels, and a million rows are higher. So past a limit
//! the scroll bar stands for all rows while the wheel and the keys still move row by row: a short way is taken as it is,
//! a long one, as when the bar is dragged, in proportion.

use std::ops::Range;

/// How high a table is made, in pixels.
const MAX_HEIGHT: f64 = 8_000_000.0;

/// Rows that are drawn above and below what is seen, so that a quick hand finds no gap.
const SPARE: f64 = 8.0;

/// A way of more than so many heights of the view is a long one.
const LONG_WAY: f64 = 3.0;

/// The measures of a table, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) rows: u32,
    pub(super) row_height: f64,
    pub(super) view_height: f64,
}

/// Where a table is scrolled to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Place {
    /// As the browser counts it, in pixels.
    pub(super) scroll_top: f64,
    /// The row at the upper edge, with what is hidden of it as a fraction.
    pub(super) top_row: f64,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    pub(super) rows: Range<u32>,
    /// Pixels above the first of them, and below the last.
    pub(super) before: f64,
    pub(super) after: f64,
}

impl Scale {
    fn height(&self) -> f64 {
        (f64::from(self.rows) * self.row_height).min(MAX_HEIGHT)
    }

    fn is_scaled(&self) -> bool {
        f64::from(self.rows) * self.row_height > MAX_HEIGHT
    }

    /// Where the table is after it was scrolled there.
    pub(super) fn scrolled(&self, from: Place, scroll_top: f64) -> Place {
        let last = (f64::from(self.rows) - self.view_height / self.row_height).max(0.0);
        let longest = (self.height() - self.view_height).max(1.0);
        let way = scroll_top - from.scroll_top;
        let is_at_an_end = scroll_top <= 0.0 || scroll_top >= longest - 1.0;
        let top_row = if !self.is_scaled() {
            scroll_top / self.row_height
        } else if is_at_an_end || way.abs() > LONG_WAY * self.view_height {
            scroll_top / longest * last
        } else {
            from.top_row + way / self.row_height
        };
        Place {
            scroll_top,
            top_row: top_row.clamp(0.0, last),
        }
    }

    /// Where a row is wholly seen, as near as can be.
    pub(super) fn reveal(&self, from: Place, row: u32) -> Place {
        let row = f64::from(row.min(self.rows.saturating_sub(1)));
        let last = (f64::from(self.rows) - self.view_height / self.row_height).max(0.0);
        // The heading takes the place of one.
        let lowest = row + 2.0 - self.view_height / self.row_height;
        let top_row = from.top_row.min(row).max(lowest).clamp(0.0, last);
        let way = (top_row - from.top_row) * self.row_height;
        let scroll_top = if !self.is_scaled() {
            top_row * self.row_height
        } else if way.abs() > LONG_WAY * self.view_height {
            top_row / last * (self.height() - self.view_height)
        } else {
            from.scroll_top + way
        };
        Place {
            scroll_top: scroll_top.round(),
            top_row,
        }
    }

    /// The rows to draw there.
    pub(super) fn drawn(&self, place: Place) -> Drawn {
        let whole = place.top_row.floor();
        // There must be room for them above.
        let spare = SPARE
            .min(whole)
            .min((place.scroll_top / self.row_height).floor().max(0.0));
        let first = whole - spare;
        let seen = (self.view_height / self.row_height).ceil() + 1.0;
        let end = (whole + seen + SPARE).min(f64::from(self.rows));
        let before = (place.scroll_top - (place.top_row - first) * self.row_height).max(0.0);
        let after = (self.height() - before - (end - first) * self.row_height).max(0.0);
        Drawn {
            rows: first as u32..end as u32,
            before,
            after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Scale = Scale {
        rows: 1000,
        row_height: 40.0,
        view_height: 400.0,
    };
    const MANY: Scale = Scale {
        rows: 1_000_000,
        ..FEW
    };

    fn is_at(place: Place, row: f64) -> bool {
        (place.top_row - row).abs() < 1e-6
    }

    #[test]
    fn a_table_that_fits_is_drawn_where_it_is_scrolled_to() {
        let top = FEW.drawn(Place::default());
        assert_eq!(
            top,
            Drawn {
                rows: 0..19,
                before: 0.0,
                after: 981.0 * 40.0
            }
        );
        let place = FEW.scrolled(Place::default(), 4020.0);
        assert!(is_at(place, 100.5));
        let drawn = FEW.drawn(place);
        assert_eq!((drawn.rows.clone(), drawn.before), (92..119, 92.0 * 40.0));
        let end = FEW.drawn(FEW.scrolled(place, 39_600.0));
        assert_eq!((end.rows, end.after), (982..1000, 0.0));
    }

    #[test]
    fn a_million_rows_are_reached_with_the_bar_and_moved_along_row_by_row() {
        let longest = MAX_HEIGHT - 400.0;
        let middle = MANY.scrolled(Place::default(), longest / 2.0);
        assert!(is_at(middle, 499_995.0));
        let next = MANY.scrolled(middle, middle.scroll_top + 40.0);
        assert!(is_at(next, 499_996.0), "one row, as the wheel goes");
        let drawn = MANY.drawn(next);
        let row_on_screen = drawn.before + f64::from(499_996 - drawn.rows.start) * 40.0;
        assert!((row_on_screen - next.scroll_top).abs() < 1e-6);
        let height = drawn.before + drawn.after + drawn.rows.len() as f64 * 40.0;
        assert!((height - MAX_HEIGHT).abs() < 1e-6);
        let end = MANY.scrolled(next, longest);
        assert_eq!(MANY.drawn(end).rows.end, 1_000_000);
        assert!(is_at(MANY.scrolled(end, 0.0), 0.0));
    }

    #[test]
    fn a_row_is_brought_into_view_and_no_further() {
        let place = FEW.reveal(Place::default(), 5);
        assert_eq!(place, Place::default(), "in view already");
        let below = FEW.reveal(place, 20);
        assert!(is_at(below, 12.0));
        assert_eq!(below, FEW.scrolled(place, below.scroll_top));
        assert!(is_at(FEW.reveal(below, 3), 3.0));
        let end = MANY.reveal(place, 999_999);
        assert!(is_at(end, 999_990.0));
        assert_eq!(MANY.drawn(end).rows.end, 1_000_000);
        let up = MANY.reveal(end, 999_989);
        assert!(is_at(up, 999_989.0));
        assert!((up.scroll_top - end.scroll_top + 40.0).abs() < 1e-6);
    }

    #[test]
    fn a_short_table_has_no_room_to_scroll() {
        let three = Scale { rows: 3, ..FEW };
        let drawn = three.drawn(three.scrolled(Place::default(), 0.0));
        assert_eq!(
            drawn,
            Drawn {
                rows: 0..3,
                before: 0.0,
                after: 0.0
            }
        );
        let none = Scale { rows: 0, ..FEW };
        assert_eq!(none.drawn(Place::default()).rows, 0..0);
    }
}
