//! The layout of names on the canvas, without overlaps.

/// The maximum number of names: more would be unreadable.
const MAX_NAMES: usize = 80;

/// The width and height of a cell in CSS pixels. A name takes several cells of a row.
const CELL: (f64, f64) = (24.0, 16.0);

/// The approximate width of a letter in CSS pixels; a Chinese or Japanese character is twice as wide.
const LETTER_WIDTH: f64 = 7.0;

/// The cells that figures and names take.
#[derive(Debug)]
pub(super) struct Labels {
    columns: usize,
    /// Whether each cell is taken, row by row.
    taken: Vec<bool>,
    count: usize,
}

impl Labels {
    /// Divides a canvas of a size in CSS pixels into free cells.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let cell_count = |length: f64, cell: f64| (length / cell).ceil() as usize + 1;
        let (columns, rows) = (cell_count(width, CELL.0), cell_count(height, CELL.1));
        Self {
            columns,
            taken: vec![false; columns * rows],
            count: 0,
        }
    }

    /// Takes the cell of a figure.
    pub(super) fn take(&mut self, (left, top): (f64, f64)) {
        let column = column(left);
        self.cells(column, column, top).fill(true);
    }

    /// Takes the cells of a name centred on a point. Returns false if a cell is already taken.
    pub(super) fn try_place(&mut self, (left, top): (f64, f64), name: &str) -> bool {
        let letters = name
            .chars()
            .map(|letter| if letter < '\u{1100}' { 1.0 } else { 2.0 });
        let half = letters.sum::<f64>() * LETTER_WIDTH / 2.0;
        let cells = self.cells(column(left - half), column(left + half), top);
        if cells.contains(&true) {
            return false;
        }
        cells.fill(true);
        self.count += 1;
        true
    }

    /// Returns the cells from one column to another, as far as they lie on the canvas.
    fn cells(&mut self, first: isize, last: isize, top: f64) -> &mut [bool] {
        let row = (top / CELL.1).round() as isize;
        let end = self.columns as isize;
        let cell = |column: isize| row * end + column.clamp(0, end);
        let range = cell(first)..cell(last + 1);
        usize::try_from(range.start)
            .ok()
            .zip(usize::try_from(range.end).ok())
            .and_then(|(start, end)| self.taken.get_mut(start..end))
            .unwrap_or_default()
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= MAX_NAMES
    }
}

fn column(left: f64) -> isize {
    (left / CELL.0).floor() as isize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        let mut labels = Labels::new(400.0, 300.0);
        assert!(labels.try_place((100.0, 50.0), "Somebody"));
        assert!(!labels.try_place((120.0, 52.0), "Ann"));
        assert!(labels.try_place((120.0, 80.0), "Ann"));
        assert!(labels.try_place((250.0, 50.0), "Bob"));
        assert!(!labels.try_place((265.0, 48.0), "Bob"));
        labels.take((330.0, 100.0));
        assert!(!labels.try_place((330.0, 100.0), "Cem"));
    }

    #[test]
    fn names_beyond_the_edges_have_room() {
        let mut labels = Labels::new(400.0, 300.0);
        for at in [(-5.0, 50.0), (399.0, 150.0), (50.0, -40.0), (50.0, 1e9)] {
            assert!(labels.try_place(at, "Somebody"), "{at:?}");
        }
        assert!(
            !labels.try_place((10.0, 50.0), "Ann"),
            "the first name reaches into the canvas"
        );
    }
}
