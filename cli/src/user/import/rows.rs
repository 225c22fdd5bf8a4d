//! Reading the rows of a file while they are sent.

use std::io::{self, Read};

use indicatif::ProgressBar;
use soundstage_formats::{Format, ReadError, Reader, Row};
use tokio::sync::mpsc;

/// Rows that wait between the reader and the call.
pub(super) const QUEUE: usize = 512;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

pub(super) type Rows = mpsc::Receiver<Result<Row, Unreadable>>;

/// Reads rows on a thread of its own, as they are wanted.
pub(super) fn read(input: Box<dyn Read + Send>, format: Format, bar: ProgressBar) -> Rows {
    let (sender, rows) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        if let Err(error) = read_pieces(input, format, &bar, &sender) {
            // Nobody listens once the import has ended otherwise.
            let _ = sender.blocking_send(Err(error));
        }
    });
    rows
}

fn read_pieces(
    mut input: Box<dyn Read + Send>,
    format: Format,
    bar: &ProgressBar,
    rows: &mpsc::Sender<Result<Row, Unreadable>>,
) -> Result<(), Unreadable> {
    let mut reader = Reader::new(format);
    let mut piece = vec![0; PIECE];
    while !rows.is_closed() {
        let count = match input.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count.map_err(Unreadable::Input)?,
        };
        let mut deliver = |row| {
            // The same.
            let _ = rows.blocking_send(Ok(row));
        };
        reader
            .push(&piece[..count], &mut deliver)
            .map_err(Unreadable::Malformed)?;
        bar.inc(count as u64);
        if count == 0 {
            break;
        }
    }
    Ok(())
}

/// Why rows cannot be read.
pub(super) enum Unreadable {
    Input(io::Error),
    Malformed(ReadError),
}

/// The next row, if there may be one.
pub(super) async fn next_row(rows: Option<&mut Rows>) -> Option<Result<Row, Unreadable>> {
    match rows {
        Some(rows) => rows.recv().await,
        None => std::future::pending().await,
    }
}
