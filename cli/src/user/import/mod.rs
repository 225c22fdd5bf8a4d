//! `soundstage user import`: a file or a pipe into the directory, each row once, whatever happens to the connection.

mod refused;
mod rows;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use soundstage_files::{Format, Import, Refused, Row, sentence};
use soundstage_proto::user::import_options;
use soundstage_proto::user::{
    ImportOptions, ImportProgress, ImportUsersRequest, ImportUsersResponse,
};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use self::refused::RefusedFile;
use self::rows::{QUEUE, Rows, Unreadable, next_row};
use super::Users;
use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::output::line;

/// How long to wait before the server is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(300);

/// How many refused rows are told on standard error; the file has them all.
const TOLD: u32 = 20;

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
    let mut run = Run {
        users,
        args,
        output,
        account: Import::new(options),
        retry: import.retry,
        rows: Some(rows),
        refused: RefusedFile::new(refused, format),
        bar,
        interrupted: interruption(),
        end: End::Whole,
    };
    let outcome = run.finish().await;
    run.bar.finish_and_clear();
    run.report(outcome, &import)
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

/// An import under way.
struct Run<'a> {
    users: Users,
    args: &'a ClientArgs,
    output: OutputFormat,
    account: Import,
    retry: Duration,
    /// What is still to come, until its end.
    rows: Option<Rows>,
    refused: RefusedFile,
    bar: ProgressBar,
    /// Somebody has pressed Ctrl-C.
    interrupted: Arc<Notify>,
    end: End,
}

/// Why no more rows are read.
enum End {
    Whole,
    Interrupted,
    Unreadable(Unreadable),
}

impl Run<'_> {
    /// Goes on, over as many connections as it takes, until all that was read is on disk.
    async fn finish(&mut self) -> Result<(), Failure> {
        let mut reached = Instant::now();
        let mut known = self.account.progress();
        loop {
            let Err(failure) = self.one_call().await else {
                return Ok(());
            };
            if self.account.progress() != known {
                known = self.account.progress();
                reached = Instant::now();
            }
            let lost = matches!(&failure, Failure::Refused(status) if is_connection_lost(status));
            if !lost || self.account.is_dry_run() || reached.elapsed() > self.retry {
                return Err(failure);
            }
            self.bar.set_message("the connection is lost; trying again");
            tokio::select! {
                () = tokio::time::sleep(RETRY_DELAY) => {}
                () = self.interrupted.notified() => return Err(failure),
            }
        }
    }

    /// Takes the import further until it ends, or the connection does.
    async fn one_call(&mut self) -> Result<(), Failure> {
        let (sender, requests) = mpsc::channel(QUEUE);
        // The queue is empty.
        let _ = sender.try_send(self.account.begin_call());
        let mut requests_to = Some(sender);
        let call = self.args.request(ReceiverStream::new(requests));
        let mut answers = self.users.import_users(call).await?.into_inner();
        // How far it is, from an earlier call too.
        match answers.message().await? {
            Some(answer) => self.hear(answer)?,
            None => return Err(Failure::IncompleteAnswer),
        }
        self.bar.set_message("");
        loop {
            let is_due = self.account.has_request();
            if self.account.has_sent_all() && self.rows.is_none() {
                requests_to = None;
            }
            tokio::select! {
                answer = answers.message() => match answer? {
                    Some(answer) => self.hear(answer)?,
                    None => break,
                },
                has_room = has_room(requests_to.as_ref()), if is_due => {
                    if has_room {
                        self.send_on(requests_to.as_ref());
                    } else {
                        // The call has ended; its answers say why.
                        requests_to = None;
                    }
                }
                row = next_row(self.rows.as_mut()), if self.account.wants_rows() && self.rows.is_some() => self.take(row)?,
                () = self.interrupted.notified(), if self.rows.is_some() => {
                    self.rows = None;
                    self.account.drop_unsent();
                    self.end = End::Interrupted;
                }
            }
        }
        if self.account.unanswered() == 0 && self.rows.is_none() {
            Ok(())
        } else {
            Err(Failure::IncompleteAnswer)
        }
    }

    /// Sends what there is place for.
    fn send_on(&mut self, to: Option<&mpsc::Sender<ImportUsersRequest>>) {
        while self.account.has_request()
            && let Some(Ok(permit)) = to.map(mpsc::Sender::try_reserve)
            && let Some(request) = self.account.next_request()
        {
            permit.send(request);
        }
    }

    /// A row that was read, or the end; and the rows behind it that are there already.
    fn take(&mut self, row: Option<Result<Row, Unreadable>>) -> Result<(), Failure> {
        let mut next = row;
        loop {
            match next {
                Some(Ok(row)) => {
                    if let Some(refused) = self.account.take(row) {
                        self.refuse(&refused)?;
                    }
                }
                Some(Err(error)) => {
                    self.rows = None;
                    self.end = End::Unreadable(error);
                }
                None => self.rows = None,
            }
            let has_room = self.account.unanswered() < QUEUE;
            let Some(rows) = self.rows.as_mut().filter(|_| has_room) else {
                return Ok(());
            };
            match rows.try_recv() {
                Ok(row) => next = Some(row),
                // The end is heard of by who waits for a row.
                Err(_) => return Ok(()),
            }
        }
    }

    /// An answer of the server.
    fn hear(&mut self, answer: ImportUsersResponse) -> Result<(), Failure> {
        match self.account.hear(answer) {
            Some(refused) => self.refuse(&refused),
            None => Ok(()),
        }
    }

    fn refuse(&mut self, row: &Refused) -> Result<(), Failure> {
        let told = match self.refused.rows.count() {
            ..TOLD => Some(format!("line {}: {}", row.line, sentence(&row.faults))),
            TOLD => Some(format!("… more in {}", self.refused.path.display())),
            _ => None,
        };
        if let Some(told) = told {
            self.bar.suspend(|| eprintln!("{told}"));
        }
        self.refused.add(row)
    }

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

/// Waits until another request can be sent; `false` if none can any more.
async fn has_room(requests: Option<&mpsc::Sender<ImportUsersRequest>>) -> bool {
    match requests {
        Some(requests) => requests.reserve().await.is_ok(),
        None => std::future::pending().await,
    }
}

/// Whether the server could not be reached, or was lost; what it has answered itself is none of this.
fn is_connection_lost(status: &Status) -> bool {
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
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
