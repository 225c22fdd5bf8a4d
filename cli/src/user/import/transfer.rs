//! The rows on their way to the server, over as many connections as it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use soundstage_formats::{ImportTracker, Rejected, Row, sentence};
use soundstage_proto::user::{ImportUsersRequest, ImportUsersResponse};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::super::Users;
use super::refused::RefusedFile;
use super::rows::{QUEUE, Rows, Unreadable, next_row};
use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;

/// How long to wait before the server is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(300);

/// How many refused rows are told on standard error; the file has them all.
const TOLD: u32 = 20;

/// An import under way.
pub(super) struct Transfer<'a> {
    pub(super) users: Users,
    pub(super) args: &'a ClientArgs,
    pub(super) output: OutputFormat,
    pub(super) account: ImportTracker,
    pub(super) retry: Duration,
    /// What is still to come, until its end.
    pub(super) rows: Option<Rows>,
    pub(super) refused: RefusedFile,
    pub(super) bar: ProgressBar,
    /// Somebody has pressed Ctrl-C.
    pub(super) interrupted: Arc<Notify>,
    pub(super) end: End,
}

/// Why no more rows are read.
pub(super) enum End {
    Whole,
    Interrupted,
    Unreadable(Unreadable),
}

impl Transfer<'_> {
    /// Goes on, over as many connections as it takes, until all that was read is on disk.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
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
        if self.account.unacknowledged() == 0 && self.rows.is_none() {
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
            let has_room = self.account.unacknowledged() < QUEUE;
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
        match self.account.on_response(answer) {
            Some(refused) => self.refuse(&refused),
            None => Ok(()),
        }
    }

    fn refuse(&mut self, row: &Rejected) -> Result<(), Failure> {
        let told = match self.refused.rows.count() {
            ..TOLD => Some(format!("line {}: {}", row.line, sentence(&row.errors))),
            TOLD => Some(format!("… more in {}", self.refused.path.display())),
            _ => None,
        };
        if let Some(told) = told {
            self.bar.suspend(|| eprintln!("{told}"));
        }
        self.refused.add(row)
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
