//! An import under way: a file is read piece by piece, its rows are sent, and each is stored once, whatever happens to the
//! connection meanwhile.

use futures_channel::mpsc;
use futures_util::future::{Either, poll_fn, select};
use futures_util::stream::StreamExt as _;
use leptos::prelude::*;
use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_formats::{Format, ImportTracker, ReadError, Reader, Rejected, RejectedRows};
use soundstage_proto::user::{ImportOptions, ImportUsersResponse};
use wasm_bindgen_futures::JsFuture;

use super::faults;
use super::state::{Account, End};
use crate::api::{self, Backoff, CallError};
use crate::browser;
use crate::language::key;

/// Bytes that are read at once.
const PIECE: f64 = 64.0 * 1024.0;

/// Requests that wait for the connection.
const QUEUE: usize = 512;

/// Refused rows that are shown; the file has them all.
const SHOWN: usize = 100;

/// Imports a file.
pub(super) async fn run(
    file: web_sys::File,
    format: Format,
    options: ImportOptions,
    account: Account,
) -> End {
    let mut run = Run {
        import: ImportTracker::new(options),
        file: Some(OpenFile {
            blob: file.into(),
            offset: 0.0,
            reader: Reader::new(format),
        }),
        unreadable: None,
        refused: RejectedRows::new(format),
        account,
        backoff: Backoff::default(),
    };
    let failure = run.finish().await.err();
    let mut text = String::new();
    run.refused.finish(&mut text);
    account
        .refused_file
        .with_value(|file| file.push(&text.into()));
    let line = run.import.last_line();
    match (failure, run.unreadable) {
        (Some(error), _) => End::Failed(line, error),
        (None, Some(error)) => End::Unreadable(line, error),
        (None, None) if account.is_stopped.get_value() => End::Stopped(line),
        (None, None) => End::Whole,
    }
}

struct Run {
    import: ImportTracker,
    /// What is still to come, until its end.
    file: Option<OpenFile>,
    unreadable: Option<ReadError>,
    refused: RejectedRows,
    account: Account,
    backoff: Backoff,
}

struct OpenFile {
    blob: web_sys::Blob,
    /// Bytes that have been read.
    offset: f64,
    reader: Reader,
}

impl Run {
    /// Goes on, over as many connections as it takes, until all that was read is on disk.
    async fn finish(&mut self) -> Result<(), CallError> {
        loop {
            let outcome = self.one_call().await;
            let is_lost = outcome == Err(CallError::Unreachable) && !self.import.is_dry_run();
            if !is_lost || self.account.is_stopped.get_value() {
                return outcome;
            }
            self.account.is_waiting.set(true);
            browser::sleep(self.backoff.next_delay()).await;
        }
    }

    /// Takes the import further until it ends, or the connection does.
    async fn one_call(&mut self) -> Result<(), CallError> {
        let (sender, requests) = mpsc::channel(QUEUE);
        let mut sender = Some(sender);
        let first = self.import.begin_call().encode_to_vec().into();
        if let Some(sender) = &mut sender {
            // The queue is empty.
            let _ = sender.try_send(first);
        }
        let answers = api::import_users(requests.boxed()).await?;
        let mut answers = std::pin::pin!(answers);
        // How far it is, from an earlier call too.
        let first = answers.next().await.unwrap_or(Err(CallError::Unreachable));
        self.hear(first?);
        self.account.is_waiting.set(false);
        self.backoff.reset();
        loop {
            if self.account.is_stopped.get_value() {
                self.file = None;
                self.import.drop_unsent();
            }
            if self.import.wants_rows() && self.file.is_some() {
                self.read().await;
                continue;
            }
            if self.file.is_none() && self.import.has_sent_all() {
                // The half-close.
                sender = None;
            }
            let is_due = self.import.has_request();
            let room = poll_fn(|context| match &mut sender {
                Some(sender) if is_due => sender.poll_ready(context),
                _ => std::task::Poll::Pending,
            });
            match select(answers.next(), room).await {
                Either::Left((Some(answer), _)) => self.hear(answer?),
                Either::Left((None, _)) => break,
                Either::Right((Ok(()), _)) => {
                    if let (Some(sender), Some(request)) = (&mut sender, self.import.next_request())
                    {
                        // There is room for it.
                        let _ = sender.start_send(Bytes::from(request.encode_to_vec()));
                    }
                }
                // The call has ended; its answers say why.
                Either::Right((Err(_), _)) => sender = None,
            }
        }
        if self.import.unacknowledged() == 0 && self.file.is_none() {
            Ok(())
        } else {
            Err(CallError::Unreachable)
        }
    }

    /// Reads the next piece of the file.
    async fn read(&mut self) {
        let Some(file) = &mut self.file else { return };
        let piece = file.next_piece().await;
        let (import, account, refused) = (&mut self.import, self.account, &mut self.refused);
        let mut deliver = |row| {
            if let Some(row) = import.take(row) {
                refuse(refused, account, &row);
            }
        };
        let is_end = piece.as_ref().is_ok_and(Vec::is_empty);
        let outcome = piece.and_then(|bytes| file.reader.push(&bytes, &mut deliver));
        account.read.set(file.offset);
        account.progress.set(import.progress());
        self.unreadable = outcome.err();
        if is_end || self.unreadable.is_some() {
            self.file = None;
        }
    }

    fn hear(&mut self, answer: ImportUsersResponse) {
        if let Some(row) = self.import.on_response(answer) {
            refuse(&mut self.refused, self.account, &row);
        }
        self.account.progress.set(self.import.progress());
    }
}

impl OpenFile {
    /// Nothing at the end.
    async fn next_piece(&mut self) -> Result<Vec<u8>, ReadError> {
        let end = (self.offset + PIECE).min(self.blob.size());
        let piece = self.blob.slice_with_f64_and_f64(self.offset, end);
        let content = match piece {
            Ok(piece) => JsFuture::from(piece.array_buffer()).await,
            Err(error) => Err(error),
        };
        self.offset = end;
        // Moved or changed since it was chosen.
        let content = content.map_err(|_| ReadError {
            line: 0,
            what: key("the browser cannot read the file any more"),
            detail: String::new(),
        })?;
        Ok(js_sys::Uint8Array::new(&content).to_vec())
    }
}

/// Shows a refused row, and puts it into the file of them.
fn refuse(file: &mut RejectedRows, account: Account, row: &Rejected) {
    let mut text = String::new();
    file.add(row, &mut text);
    account
        .refused_file
        .with_value(|file| file.push(&text.into()));
    if account.refused.with_untracked(Vec::len) < SHOWN {
        let sentence = faults(&row.errors);
        account
            .refused
            .update(|rows| rows.push((row.line, sentence)));
    }
}
