//! `soundstage user import`: imports a file or a pipe. Each row is stored once, even if the connection is lost.

mod rejected;
mod rows;
mod transfer;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;
use soundstage_formats::{Format, ImportTracker};
use soundstage_proto::user::{ImportOptions, ImportProgress, import_options};
use tokio::sync::Notify;
use tonic::Code;

use self::rejected::RejectedFile;
use self::rows::Unreadable;
use self::transfer::{End, Transfer};
use super::{Users, file_format};
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::{OutputFormat, line, progress_bar};
use crate::output_file::random_name;

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The file to read, or - for standard input
    file: PathBuf,
    /// File format [default: the file's extension; ndjson for standard input]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Treatment of a row whose id is taken
    #[arg(long, value_name = "ACTION", value_enum, default_value_t)]
    on_conflict: OnConflict,
    /// Check every row and store nothing
    #[arg(long)]
    dry_run: bool,
    /// File for the rejected rows, which you can correct and import [default: beside the file]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Time for which to try to reconnect after the connection is lost
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    retry: Duration,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OnConflict {
    /// Keep the stored user
    #[default]
    Skip,
    /// Replace the stored user
    Replace,
    /// End the import
    Fail,
}

pub(crate) async fn run(
    users: Users,
    args: &ClientArgs,
    output: OutputFormat,
    import: ImportArgs,
) -> Result<(), Failure> {
    let is_stdin = import.file == Path::new("-");
    let format = file_format(&import.file, import.format)?;
    let rejected = import.rejected.clone().unwrap_or_else(|| {
        let path = if is_stdin {
            Path::new("users")
        } else {
            &import.file
        };
        path.with_extension(format!("rejected.{}", format.extension()))
    });
    let unreadable = |error| Failure::file(&import.file, error);
    let (input, length): (Box<dyn Read + Send>, _) = if is_stdin {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(&import.file).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        (Box::new(file), Some(length))
    };
    let bar = progress_bar(
        length,
        "{wide_bar} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left {msg}",
        "{spinner} {bytes} read {msg}",
    );
    let rows = rows::read(input, format, bar.clone());
    let options = ImportOptions {
        on_conflict: import.on_conflict.wire().into(),
        dry_run: import.dry_run,
        import_id: random_name(),
    };
    let mut transfer = Transfer {
        users,
        args,
        output,
        tracker: ImportTracker::new(options),
        retry: import.retry,
        rows: Some(rows),
        rejected: RejectedFile::new(rejected, format),
        bar,
        interrupted: notify_on_interrupt(),
        end: End::Whole,
    };
    let outcome = transfer.finish().await;
    transfer.bar.finish_and_clear();
    transfer.report(outcome, &import)
}

impl OnConflict {
    const fn wire(self) -> import_options::OnConflict {
        match self {
            Self::Skip => import_options::OnConflict::Skip,
            Self::Replace => import_options::OnConflict::Replace,
            Self::Fail => import_options::OnConflict::Fail,
        }
    }
}

/// Returns a notification of Ctrl-C, which interrupts any wait of the import.
fn notify_on_interrupt() -> Arc<Notify> {
    let interrupted = Arc::new(Notify::new());
    let notify = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            notify.notify_one();
        }
    });
    interrupted
}

impl Transfer<'_> {
    /// Prints the number of rows by outcome, and returns the failure, if any.
    fn report(mut self, outcome: Result<(), Failure>, import: &ImportArgs) -> Result<(), Failure> {
        self.rejected.finish()?;
        let ImportProgress {
            added,
            replaced,
            skipped,
            refused: rejected,
            ..
        } = self.tracker.progress();
        let last_line = self.tracker.last_line();
        let rejected_file =
            (self.rejected.rows.count() > 0).then(|| self.rejected.path.display().to_string());
        match self.output {
            OutputFormat::Json => line(json!({
                "added": added,
                "replaced": replaced,
                "skipped": skipped,
                "refused": rejected,
                "refused_rows": rejected_file,
                "last_line": last_line,
                "dry_run": import.dry_run,
            }))?,
            OutputFormat::Table => {
                let mode = if import.dry_run { "dry run: " } else { "" };
                line(format_args!(
                    "{mode}{added} added, {replaced} replaced, {skipped} skipped, {rejected} rejected"
                ))?;
            }
        }
        let stored = if import.dry_run {
            "nothing is stored".to_owned()
        } else {
            format!("everything up to line {last_line} is stored")
        };
        outcome.map_err(|failure| match failure {
            Failure::Status(status) if status.code() == Code::AlreadyExists => {
                Failure::ImportConflict(status.message().to_owned())
            }
            other => Failure::ImportStopped {
                cause: Box::new(other),
                stored: stored.clone(),
            },
        })?;
        match self.end {
            End::Interrupted => Err(Failure::Interrupted(stored)),
            End::Unreadable(Unreadable::Input(error)) => Err(Failure::file(&import.file, error)),
            End::Unreadable(Unreadable::Malformed(error)) => Err(Failure::InvalidInput(format!(
                "{}: {error}; {stored}",
                import.file.display()
            ))),
            End::Whole => match rejected_file {
                None => Ok(()),
                Some(file) => Err(Failure::RowsRejected {
                    count: rejected,
                    file,
                }),
            },
        }
    }
}
