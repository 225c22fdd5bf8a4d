//! `soundstage user import`: a file or a pipe into the directory, each row once, whatever happens to the connection.

use std::collections::VecDeque;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use soundstage_proto::user::import_options;
use soundstage_proto::user::{
    ImportOptions, ImportProgress, ImportUsersRequest, ImportUsersResponse, RefusedRow,
};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::Users;
use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::files::{Fault, Format, Input, ReadError, RefusedRows, Row, sentence};
use crate::output::line;

/// Rows that wait between the reader and the call.
const QUEUE: usize = 512;

/// How long to wait before the server is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(300);

/// How many refused rows are told on standard error; the file has them all.
const TOLD: u64 = 20;

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
    let rows = read(input, format, bar.clone());
    let mut run = Run {
        users,
        args,
        options: ImportOptions {
            on_conflict: import.on_conflict.wire().into(),
            dry_run: import.dry_run,
            import_id: random_id(),
        },
        retry: import.retry,
        rows: Some(rows),
        unanswered: VecDeque::new(),
        progress: ImportProgress::default(),
        unsent: 0,
        last_line: 0,
        refused: RefusedRows::new(refused, format),
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

type Rows = mpsc::Receiver<Result<Row, ReadError>>;

/// Reads rows on a thread of its own, as they are wanted.
fn read(input: Box<dyn Read + Send>, format: Format, bar: ProgressBar) -> Rows {
    let (sender, rows) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let input = Input::new(input, move |bytes| bar.set_position(bytes));
        let outcome = input.rows(format, |row| match sender.blocking_send(Ok(row)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        if let Err(error) = outcome {
            // Nobody listens once the import has ended otherwise.
            let _ = sender.blocking_send(Err(error));
        }
    });
    rows
}

/// An import under way.
struct Run<'a> {
    users: Users,
    args: &'a ClientArgs,
    options: ImportOptions,
    retry: Duration,
    /// What is still to come, until its end.
    rows: Option<Rows>,
    /// Valid rows that the server has not said to be on disk.
    unanswered: VecDeque<Row>,
    progress: ImportProgress,
    /// Rows that were refused here, and never sent.
    unsent: u32,
    /// Where the last row stood that is dealt with.
    last_line: u32,
    refused: RefusedRows,
    bar: ProgressBar,
    /// Somebody has pressed Ctrl-C.
    interrupted: Arc<Notify>,
    end: End,
}

/// Why no more rows are read.
enum End {
    Whole,
    Interrupted,
    Unreadable(ReadError),
}

impl Run<'_> {
    /// Goes on, over as many connections as it takes, until all that was read is on disk.
    async fn finish(&mut self) -> Result<(), Failure> {
        let mut reached = Instant::now();
        let mut known = self.progress;
        loop {
            let Err(failure) = self.one_call().await else {
                return Ok(());
            };
            if self.progress != known {
                known = self.progress;
                reached = Instant::now();
            }
            let lost = matches!(&failure, Failure::Refused(status) if is_connection_lost(status));
            if !lost || self.options.dry_run || reached.elapsed() > self.retry {
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
        let begin = ImportUsersRequest {
            options: Some(self.options.clone()),
            ..ImportUsersRequest::default()
        };
        // The queue is empty.
        let _ = sender.try_send(begin);
        let mut requests_to = Some(sender);
        let call = self.args.request(ReceiverStream::new(requests));
        let mut answers = self.users.import_users(call).await?.into_inner();
        // How far it is, from an earlier call too.
        match answers.message().await? {
            Some(answer) => self.hear(answer, &mut 0)?,
            None => return Err(Failure::IncompleteAnswer),
        }
        self.bar.set_message("");
        let mut sent = 0;
        loop {
            let is_due = sent < self.unanswered.len();
            if !is_due && self.rows.is_none() {
                requests_to = None;
            }
            tokio::select! {
                answer = answers.message() => match answer? {
                    Some(answer) => self.hear(answer, &mut sent)?,
                    None => break,
                },
                has_room = has_room(requests_to.as_ref()), if is_due => {
                    if has_room {
                        self.send_on(requests_to.as_ref(), &mut sent);
                    } else {
                        // The call has ended; its answers say why.
                        requests_to = None;
                    }
                }
                row = next_row(self.rows.as_mut()), if !is_due && self.rows.is_some() => self.take(row)?,
                () = self.interrupted.notified(), if self.rows.is_some() => {
                    self.rows = None;
                    self.unanswered.truncate(sent);
                    self.end = End::Interrupted;
                }
            }
        }
        if self.unanswered.is_empty() && self.rows.is_none() {
            Ok(())
        } else {
            Err(Failure::IncompleteAnswer)
        }
    }

    /// Sends what there is place for.
    fn send_on(&self, to: Option<&mpsc::Sender<ImportUsersRequest>>, sent: &mut usize) {
        while let (Some(row), Some(Ok(permit))) = (
            self.unanswered.get(*sent),
            to.map(mpsc::Sender::try_reserve),
        ) {
            permit.send(request(row));
            *sent += 1;
        }
    }

    /// A row that was read, or the end; and the rows behind it that are there already.
    fn take(&mut self, row: Option<Result<Row, ReadError>>) -> Result<(), Failure> {
        let mut next = row;
        loop {
            match next {
                Some(Ok(row)) => match &row.user {
                    Ok(_) => self.unanswered.push_back(row),
                    Err(faults) => {
                        let faults = faults.clone();
                        self.unsent += 1;
                        self.refuse(&row, &faults)?;
                    }
                },
                Some(Err(error)) => {
                    self.rows = None;
                    self.end = End::Unreadable(error);
                }
                None => self.rows = None,
            }
            let Some(rows) = self.rows.as_mut().filter(|_| self.unanswered.len() < QUEUE) else {
                return Ok(());
            };
            match rows.try_recv() {
                Ok(row) => next = Some(row),
                // The end is heard of by who waits for a row.
                Err(_) => return Ok(()),
            }
        }
    }

    /// An answer of the server. `sent` counts the rows of the unanswered ones that this call has sent.
    fn hear(&mut self, answer: ImportUsersResponse, sent: &mut usize) -> Result<(), Failure> {
        if let Some(RefusedRow { line, faults }) = answer.refused {
            let faults: Vec<_> = faults
                .into_iter()
                .map(|fault| Fault {
                    field: fault.field,
                    description: fault.description,
                })
                .collect();
            let place = self.unanswered.iter().position(|row| row.line == line);
            if let Some(row) = place.and_then(|place| self.unanswered.get(place)) {
                let told = Row {
                    line,
                    source: row.source.clone(),
                    user: Err(Vec::new()),
                };
                self.refuse(&told, &faults)?;
            }
        }
        if let Some(progress) = answer.progress {
            let answered = (progress.rows - self.progress.rows) as usize;
            for row in self.unanswered.drain(..answered.min(self.unanswered.len())) {
                self.last_line = row.line;
            }
            *sent = sent.saturating_sub(answered);
            self.progress = progress;
        }
        Ok(())
    }

    fn refuse(&mut self, row: &Row, faults: &[Fault]) -> Result<(), Failure> {
        let path = self.refused.path().to_owned();
        if self.refused.count() < TOLD {
            self.bar
                .suspend(|| eprintln!("line {}: {}", row.line, sentence(faults)));
        } else if self.refused.count() == TOLD {
            self.bar
                .suspend(|| eprintln!("… more in {}", path.display()));
        }
        let added = self.refused.add(row, faults);
        added.map_err(|error| Failure::file(&path, error))
    }

    /// What became of it, on standard output, and what went wrong.
    fn report(mut self, outcome: Result<(), Failure>, import: &ImportArgs) -> Result<(), Failure> {
        let path = self.refused.path().to_owned();
        self.refused
            .finish()
            .map_err(|error| Failure::file(&path, error))?;
        let ImportProgress {
            added,
            replaced,
            skipped,
            refused,
            ..
        } = self.progress;
        let refused = refused + self.unsent;
        let in_file = (self.refused.count() > 0).then(|| path.display().to_string());
        match self.args.output {
            OutputFormat::Json => line(json!({
                "added": added,
                "replaced": replaced,
                "skipped": skipped,
                "refused": refused,
                "refused_rows": in_file,
                "last_line": self.last_line,
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
            other => Failure::Stopped(self.last_line, Box::new(other)),
        })?;
        match self.end {
            End::Interrupted => Err(Failure::Interrupted(format!(
                "everything up to line {} is stored",
                self.last_line
            ))),
            End::Unreadable(ReadError::Io(error)) => Err(Failure::file(&import.file, error)),
            End::Unreadable(ReadError::Malformed(what)) => Err(Failure::BadInput(format!(
                "{}: {what}; everything up to line {} is stored",
                import.file.display(),
                self.last_line
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

async fn next_row(rows: Option<&mut Rows>) -> Option<Result<Row, ReadError>> {
    match rows {
        Some(rows) => rows.recv().await,
        None => std::future::pending().await,
    }
}

fn request(row: &Row) -> ImportUsersRequest {
    ImportUsersRequest {
        options: None,
        user: row.user.as_ref().ok().cloned(),
        line: row.line,
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
