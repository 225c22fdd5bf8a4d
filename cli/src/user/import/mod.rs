//! `soundstage user import`: a file or a pipe into the directory, each row once, whatever happens to the connection.

mod refused;
mod rows;
mod transfer;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use soundstage_formats::{Format, ImportTracker};
use soundstage_proto::user::{ImportOptions, ImportProgress, import_options};
use tokio::sync::Notify;
use tonic::Code;

use self::refused::RefusedFile;
use self::rows::Unreadable;
use self::transfer::{End, Transfer};
use super::Users;
use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::output::line;

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The file to read, or - for standard input
    file: PathBuf,
    /// The format, if the file's extension does not say it [default for standard input: ndjson]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What to do with a user whose id is taken
    #[arg(long, value_enum, default_value_t)]
    on_conflict: OnConflict,
    /// Check everything, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Where to put rows that are refused, to be mended and imported again [default: beside the file]
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// How long to try to reach the server again after the connection was lost
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    retry: Duration,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OnConflict {
    /// Leave the stored user as it is
    #[default]
    Skip,
    /// Put the new one in its place
    Replace,
    /// End the import there
    Fail,
}

pub(crate) async fn run(
    users: Users,
    args: &ClientArgs,
    output: OutputFormat,
    import: ImportArgs,
) -> Result<(), Failure> {
    let is_stdin = import.file == Path::new("-");
    let format = import.format.or_else(|| Format::of(&import.file));
    let format = match format {
        Some(format) => format,
        None if is_stdin => Format::Ndjson,
        None => {
            return Err(Failure::Usage(
                "name a file that ends in .json, .csv or .ndjson, or say --format".into(),
            ));
        }
    };
    let refused = import.refused.clone().unwrap_or_else(|| {
        let path = if is_stdin {
            Path::new("users")
        } else {
            &import.file
        };
        path.with_extension(format!("refused.{}", format.extension()))
    });
    let unreadable = |error| Failure::file(&import.file, error);
    let (input, length): (Box<dyn Read + Send>, _) = if is_stdin {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(&import.file).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        (Box::new(file), Some(length))
    };
    let bar = progress_bar(length);
    let rows = rows::read(input, format, bar.clone());
    let options = ImportOptions {
        on_conflict: import.on_conflict.wire().into(),
        dry_run: import.dry_run,
        import_id: random_id(),
    };
    let mut transfer = Transfer {
        users,
        args,
        output,
        account: ImportTracker::new(options),
        retry: import.retry,
        rows: Some(rows),
        refused: RefusedFile::new(refused, format),
        bar,
        interrupted: interruption(),
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

/// Told of Ctrl-C, whatever is being done when it is pressed.
fn interruption() -> Arc<Notify> {
    let interrupted = Arc::new(Notify::new());
    let told = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.notify_one();
        }
    });
    interrupted
}

impl Transfer<'_> {
    /// What became of it, on standard output, and what went wrong.
    fn report(mut self, outcome: Result<(), Failure>, import: &ImportArgs) -> Result<(), Failure> {
        self.refused.finish()?;
        let ImportProgress {
            added,
            replaced,
            skipped,
            refused,
            ..
        } = self.account.progress();
        let last_line = self.account.last_line();
        let in_file =
            (self.refused.rows.count() > 0).then(|| self.refused.path.display().to_string());
        match self.output {
            OutputFormat::Json => line(json!({
                "added": added,
                "replaced": replaced,
                "skipped": skipped,
                "refused": refused,
                "refused_rows": in_file,
                "last_line": last_line,
                "dry_run": import.dry_run,
            }))?,
            OutputFormat::Table => {
                let would = if import.dry_run { "would be: " } else { "" };
                line(format_args!(
                    "{would}{added} added, {replaced} replaced, {skipped} skipped, {refused} refused"
                ))?;
            }
        }
        outcome.map_err(|failure| match failure {
            Failure::Refused(status) if status.code() == Code::AlreadyExists => {
                Failure::Conflict(status.message().to_owned())
            }
            other => Failure::Stopped(last_line, Box::new(other)),
        })?;
        match self.end {
            End::Interrupted => Err(Failure::Interrupted(format!(
                "everything up to line {last_line} is stored"
            ))),
            End::Unreadable(Unreadable::Input(error)) => Err(Failure::file(&import.file, error)),
            End::Unreadable(Unreadable::Malformed(error)) => Err(Failure::BadInput(format!(
                "{}: {error}; everything up to line {last_line} is stored",
                import.file.display()
            ))),
            End::Whole => match in_file {
                None => Ok(()),
                Some(path) => Err(Failure::RowsRefused(refused, path)),
            },
        }
    }
}

/// A name that no other import has.
fn random_id() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}

/// Seen on a terminal, and nowhere else.
fn progress_bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{wide_bar} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} read {msg}"),
    };
    // The templates are ours, and right.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
