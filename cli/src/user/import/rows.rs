//! Reading the rows of a file while earlier rows are sent.

use std::io::{self, Read};

use indicatif::ProgressBar;
use soundstage_formats::{Format, ReadError, Reader, Row};
use tokio::sync::mpsc;

/// The number of rows that wait between the reader and the call.
pub(super) const QUEUE: usize = 512;

/// The number of bytes of one read.
const CHUNK: usize = 64 * 1024;

pub(super) type Rows = mpsc::Receiver<Result<Row, Unreadable>>;

/// The reason why rows cannot be read.
pub(super) enum Unreadable {
    Input(io::Error),
    Malformed(ReadError),
}

/// Reads rows on a thread of its own, as fast as the receiver takes them.
pub(super) fn read(input: Box<dyn Read + Send>, format: Format, bar: ProgressBar) -> Rows {
    let (sender, rows) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        if let Err(error) = read_chunks(input, format, &bar, &sender) {
            // If the import has ended, the error no longer matters.
            let _ = sender.blocking_send(Err(error));
        }
    });
    rows
}

fn read_chunks(
    mut input: Box<dyn Read + Send>,
    format: Format,
    bar: &ProgressBar,
    rows: &mpsc::Sender<Result<Row, Unreadable>>,
) -> Result<(), Unreadable> {
    let mut reader = Reader::new(format);
    let mut chunk = vec![0; CHUNK];
    while !rows.is_closed() {
        let count = match input.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count.map_err(Unreadable::Input)?,
        };
        let mut deliver = |row| {
            // If the import has ended, the loop ends with this chunk.
            let _ = rows.blocking_send(Ok(row));
        };
        reader
            .push(&chunk[..count], &mut deliver)
            .map_err(Unreadable::Malformed)?;
        bar.inc(count as u64);
        if count == 0 {
            break;
        }
    }
    Ok(())
}

/// Returns the next row, or `None` at the end of the file. Waits forever if `rows` is `None`.
pub(super) async fn next_row(rows: Option<&mut Rows>) -> Option<Result<Row, Unreadable>> {
    match rows {
        Some(rows) => rows.recv().await,
        None => std::future::pending().await,
    }
}
