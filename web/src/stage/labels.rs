//! Which names have room on the canvas.

use std::collections::HashSet;

/// More names than this are not read.
const MOST: usize = 80;

/// The canvas in cells, of which a name takes some; in pixels.
const CELL: (f64, f64) = (24.0, 16.0);

/// About how wide a letter is, in pixels; one of Chinese or Japanese is twice as wide.
const LETTER: f64 = 7.0;

/// The room that is taken.
#[derive(Debug, Default)]
pub(super) struct Labels {
    taken: HashSet<(i32, i32)>,
    count: usize,
}

impl Labels {
    /// Takes the room of a character.
    pub(super) fn take(&mut self, (left, top): (f64, f64)) {
        let cell = (
            (left / CELL.0).floor() as i32,
            (top / CELL.1).round() as i32,
        );
        self.taken.insert(cell);
    }

    /// Takes the room of a name whose middle is there; whether there was any.
    pub(super) fn has_room(&mut self, (left, top): (f64, f64), name: &str) -> bool {
        let letters = name
            .chars()
            .map(|letter| if letter < '\u{1100}' { 1.0 } else { 2.0 });
        let half = letters.sum::<f64>() * LETTER / 2.0;
        let row = (top / CELL.1).round() as i32;
        let column = |left: f64| (left / CELL.0).floor() as i32;
        let cells = column(left - half)..=column(left + half);
        if cells
            .clone()
            .any(|column| self.taken.contains(&(column, row)))
        {
            return false;
        }
        self.taken.extend(cells.map(|column| (column, row)));
        self.count += 1;
        true
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        let mut labels = Labels::default();
        assert!(labels.has_room((100.0, 50.0), "Somebody"));
        assert!(!labels.has_room((120.0, 52.0), "Ann"));
        assert!(labels.has_room((120.0, 80.0), "Ann"));
        assert!(labels.has_room((250.0, 50.0), "Bob"));
    }
}
