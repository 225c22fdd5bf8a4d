//! The log on standard error, which never keeps the server waiting.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The largest number of log lines that wait for standard error, about 1 MB. Further lines are dropped and counted.
const QUEUE: usize = 4096;

/// The time for which lines are gathered before they are written together. Without it, each call would wake the thread
/// that writes: half of the cost of a line.
const GATHERING: Duration = Duration::from_millis(5);

/// The time for which the end of the process waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The number of bytes that are written at once.
const BUFFER: usize = 64 * 1024;

/// The format of the log lines.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The log of the process. Its drop writes the last lines.
pub(crate) struct Log {
    lines: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
    end: Receiver<()>,
}

enum Entry {
    Line(Vec<u8>),
    End,
}

impl Log {
    /// Writes the lines of the process to standard error, in a thread of its own: a terminal or pipe that takes no
    /// bytes stops this thread only.
    ///
    /// # Errors
    /// If the operating system refuses the thread.
    pub(crate) fn start(filter: &str, format: LogFormat) -> io::Result<Self> {
        let (lines, queue) = mpsc::sync_channel(QUEUE);
        let (done, end) = mpsc::channel();
        let dropped = Arc::<AtomicU64>::default();
        let counter = dropped.clone();
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || {
                write_lines(&queue, &counter, io::stderr());
                let _ = done.send(());
            })?;
        let writer = LineWriter {
            lines: lines.clone(),
            dropped: dropped.clone(),
        };
        let builder = tracing_subscriber::fmt()
            .with_env_filter(env_filter(filter))
            .with_writer(move || writer.clone())
            .with_ansi(io::stderr().is_terminal());
        match format {
            LogFormat::Text => builder.init(),
            LogFormat::Json => builder.json().flatten_event(true).init(),
        }
        Ok(Self {
            lines,
            dropped,
            end,
        })
    }

    /// Returns the counter of dropped lines.
    pub(crate) fn dropped(&self) -> Arc<AtomicU64> {
        self.dropped.clone()
    }
}

/// Returns the filter of a level. h2 warns of each client that breaks its protocol, which an attacker can do thousands
/// of times a second; the server counts and logs the connections itself.
fn env_filter(level: &str) -> EnvFilter {
    EnvFilter::new(format!("h2=error,{level}"))
}

impl Drop for Log {
    fn drop(&mut self) {
        // If the queue is full, standard error is blocked, and waiting would write nothing.
        if self.lines.try_send(Entry::End).is_ok() {
            let _ = self.end.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

/// Writes lines to `output` up to the end. Reports the number of dropped lines in the log.
fn write_lines(queue: &Receiver<Entry>, dropped: &AtomicU64, output: impl Write) {
    let mut output = io::BufWriter::with_capacity(BUFFER, output);
    let mut reported = 0;
    while let Ok(Entry::Line(line)) = queue.recv() {
        std::thread::sleep(GATHERING);
        // A closed standard error does not stop the server.
        let _ = output.write_all(&line);
        for entry in queue.try_iter() {
            let Entry::Line(line) = entry else {
                let _ = output.flush();
                return;
            };
            let _ = output.write_all(&line);
        }
        let _ = output.flush();
        let total = dropped.load(Ordering::Relaxed);
        if total > reported {
            tracing::warn!(
                lines = total - reported,
                "dropped log lines, because standard error was not read"
            );
            reported = total;
        }
    }
}

/// Puts one log line into the queue.
#[derive(Clone)]
struct LineWriter {
    lines: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl Write for LineWriter {
    /// Takes a whole line: `tracing_subscriber` writes each event at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.lines.try_send(Entry::Line(line.to_vec())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
