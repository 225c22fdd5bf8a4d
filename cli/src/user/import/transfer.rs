//! Sending rows to the server, over as many connections as it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use soundstage_formats::{ImportTracker, Rejected, Row, sentence};
use soundstage_proto::user::{ImportUsersRequest, ImportUsersResponse};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::super::Users;
use super::rejected::RejectedFile;
use super::rows::{QUEUE, Rows, Unreadable, next_row};
use crate::client::ClientArgs;
use crate::escape::Escaped;
use crate::failure::Failure;
use crate::output::OutputFormat;

/// The delay before each attempt to reconnect.
const RETRY_DELAY: Duration = Duration::from_millis(300);

/// The number of rejected rows that are printed on standard error. The file of rejected rows has all rejected rows.
const PRINTED: u32 = 20;

/// An import in progress.
pub(super) struct Transfer<'a> {
    pub(super) users: Users,
    pub(super) args: &'a ClientArgs,
    pub(super) output: OutputFormat,
    pub(super) tracker: ImportTracker,
    /// The time for which the import tries to reconnect.
    pub(super) retry: Duration,
    /// The rows still to read; `None` after the last row.
    pub(super) rows: Option<Rows>,
    pub(super) rejected: RejectedFile,
    pub(super) bar: ProgressBar,
    /// Notified when the user presses Ctrl-C.
    pub(super) interrupted: Arc<Notify>,
    pub(super) end: End,
}

/// The reason why no more rows are read.
pub(super) enum End {
    Whole,
    Interrupted,
    Unreadable(Unreadable),
}

impl Transfer<'_> {
    /// Sends rows, reconnecting as needed, until the server has stored every row that was read.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let mut last_progress = Instant::now();
        let mut progress = self.tracker.progress();
        loop {
            let Err(failure) = self.call().await else {
                return Ok(());
            };
            if self.tracker.progress() != progress {
                progress = self.tracker.progress();
                last_progress = Instant::now();
            }
            let is_lost = matches!(&failure, Failure::Status(status) if is_connection_lost(status));
            if !is_lost || self.tracker.is_dry_run() || last_progress.elapsed() > self.retry {
                return Err(failure);
            }
            self.bar.set_message("connection lost; reconnecting");
            tokio::select! {
                () = tokio::time::sleep(RETRY_DELAY) => {}
                () = self.interrupted.notified() => return Err(failure),
            }
        }
    }

    /// Makes one call, which ends with the import or with the connection.
    async fn call(&mut self) -> Result<(), Failure> {
        let (sender, requests) = mpsc::channel(QUEUE);
        // The queue is empty, so the first request fits.
        let _ = sender.try_send(self.tracker.begin_call());
        let mut requests_to = Some(sender);
        let call = self.args.request(ReceiverStream::new(requests));
        let mut responses = self.users.import_users(call).await?.into_inner();
        // The first response has the progress of the import, including earlier calls.
        match responses.message().await? {
            Some(response) => self.on_response(response)?,
            None => return Err(Failure::IncompleteResponse),
        }
        self.bar.set_message("");
        loop {
            let has_request = self.tracker.has_request();
            if self.tracker.has_sent_all() && self.rows.is_none() {
                // Half-close: the server stores the rest and ends the call.
                requests_to = None;
            }
            tokio::select! {
                response = responses.message() => match response? {
                    Some(response) => self.on_response(response)?,
                    None => break,
                },
                has_room = has_room(requests_to.as_ref()), if has_request => {
                    if has_room {
                        self.send_rows(requests_to.as_ref());
                    } else {
                        // The call has ended. Its status, the next response, says why.
                        requests_to = None;
                    }
                }
                row = next_row(self.rows.as_mut()), if self.tracker.wants_rows() && self.rows.is_some() => self.take(row)?,
                () = self.interrupted.notified(), if self.rows.is_some() => {
                    self.rows = None;
                    self.tracker.drop_unsent();
                    self.end = End::Interrupted;
                }
            }
        }
        if self.tracker.unacknowledged() == 0 && self.rows.is_none() {
            Ok(())
        } else {
            Err(Failure::IncompleteResponse)
        }
    }

    /// Sends rows until the queue is full.
    fn send_rows(&mut self, to: Option<&mpsc::Sender<ImportUsersRequest>>) {
        while self.tracker.has_request()
            && let Some(Ok(permit)) = to.map(mpsc::Sender::try_reserve)
            && let Some(request) = self.tracker.next_request()
        {
            permit.send(request);
        }
    }

    /// Takes a row or the end of the file, then every further row that is ready.
    fn take(&mut self, row: Option<Result<Row, Unreadable>>) -> Result<(), Failure> {
        let mut next = row;
        loop {
            match next {
                Some(Ok(row)) => {
                    if let Some(rejected) = self.tracker.take(row) {
                        self.reject(&rejected)?;
                    }
                }
                Some(Err(error)) => {
                    self.rows = None;
                    self.end = End::Unreadable(error);
                }
                None => self.rows = None,
            }
            let has_room = self.tracker.unacknowledged() < QUEUE;
            let Some(rows) = self.rows.as_mut().filter(|_| has_room) else {
                return Ok(());
            };
            match rows.try_recv() {
                Ok(row) => next = Some(row),
                // Either no row is ready or the file has ended. `next_row` distinguishes the two cases.
                Err(_) => return Ok(()),
            }
        }
    }

    fn on_response(&mut self, response: ImportUsersResponse) -> Result<(), Failure> {
        match self.tracker.on_response(response) {
            Some(rejected) => self.reject(&rejected),
            None => Ok(()),
        }
    }

    /// Prints a rejected row and adds it to the file.
    fn reject(&mut self, row: &Rejected) -> Result<(), Failure> {
        let message = match self.rejected.rows.count() {
            ..PRINTED => Some(format!(
                "line {}: {}",
                row.line,
                Escaped(sentence(&row.errors))
            )),
            PRINTED => Some(format!("… more in {}", self.rejected.path.display())),
            _ => None,
        };
        if let Some(message) = message {
            self.bar.suspend(|| eprintln!("{message}"));
        }
        self.rejected.add(row)
    }
}

/// Waits until another request can be sent. Returns false if the call takes no more requests.
async fn has_room(requests: Option<&mpsc::Sender<ImportUsersRequest>>) -> bool {
    match requests {
        Some(requests) => requests.reserve().await.is_ok(),
        None => std::future::pending().await,
    }
}

/// Returns true if the server cannot be reached or the connection broke; false if the server responded with an error.
fn is_connection_lost(status: &Status) -> bool {
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}
