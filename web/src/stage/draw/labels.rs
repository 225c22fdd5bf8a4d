//! Which names have room on the canvas.

/// More names than this are not read.
const MOST: usize = 80;

/// The canvas in cells, of which a name takes some; in pixels.
const CELL: (f64, f64) = (24.0, 16.0);

/// About how wide a letter is, in pixels; one of Chinese or Japanese is twice as wide.
const LETTER: f64 = 7.0;

/// The room that is taken.
#[derive(Debug)]
pub(super) struct Labels {
    columns: usize,
    /// Row by row.
    taken: Vec<bool>,
    count: usize,
}

impl Labels {
    /// For a canvas of this size, in pixels.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let cells = |length: f64, cell: f64| (length / cell).ceil() as usize + 1;
        let (columns, rows) = (cells(width, CELL.0), cells(height, CELL.1));
        Self {
            columns,
            taken: vec![false; columns * rows],
            count: 0,
        }
    }

    /// Takes the room of a character.
    pub(super) fn take(&mut self, (left, top): (f64, f64)) {
        let column = column(left);
        self.room(column, column, top).fill(true);
    }

    /// Takes the room of a name whose middle is there; whether there was any.
    pub(super) fn has_room(&mut self, (left, top): (f64, f64), name: &str) -> bool {
        let letters = name
            .chars()
            .map(|letter| if letter < '\u{1100}' { 1.0 } else { 2.0 });
        let half = letters.sum::<f64>() * LETTER / 2.0;
        let room = self.room(column(left - half), column(left + half), top);
        if room.contains(&true) {
            return false;
        }
        room.fill(true);
        self.count += 1;
        true
    }

    /// The cells from one column to another, as far as they are on the canvas.
    fn room(&mut self, first: isize, last: isize, top: f64) -> &mut [bool] {
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
        self.count >= MOST
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
        assert!(labels.has_room((100.0, 50.0), "Somebody"));
        assert!(!labels.has_room((120.0, 52.0), "Ann"));
        assert!(labels.has_room((120.0, 80.0), "Ann"));
        assert!(labels.has_room((250.0, 50.0), "Bob"));
        assert!(!labels.has_room((265.0, 48.0), "Bob"));
        labels.take((330.0, 100.0));
        assert!(!labels.has_room((330.0, 100.0), "Cem"));
    }

    #[test]
    fn beyond_the_edges_there_is_room() {
        let mut labels = Labels::new(400.0, 300.0);
        for at in [(-5.0, 50.0), (399.0, 150.0), (50.0, -40.0), (50.0, 1e9)] {
            assert!(labels.has_room(at, "Somebody"), "{at:?}");
        }
        assert!(
            !labels.has_room((10.0, 50.0), "Ann"),
            "the first reaches in"
        );
    }
}
