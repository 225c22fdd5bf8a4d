//! A running import: reads the file in chunks and sends its rows. A row is stored once, also when the connection
//! breaks.

use std::task::Poll;

use futures_channel::mpsc;
use futures_util::future::{Either, poll_fn, select};
use futures_util::stream::StreamExt as _;
use leptos::prelude::*;
use prost::Message as _;
use prost::bytes::Bytes;
use soundstage_formats::{Format, ImportTracker, ReadError, Reader, Rejected, RejectedRows};
use soundstage_proto::user::{ImportOptions, ImportUsersResponse};
use wasm_bindgen_futures::JsFuture;

use super::outcome::describe_errors;
use super::state::{End, ImportState, RejectedRow};
use crate::api::{self, Backoff, CallError};
use crate::browser;
use crate::language::key;

/// Bytes read from the file at once.
const CHUNK: f64 = 64.0 * 1024.0;

/// Requests that may wait for the connection.
const QUEUE: usize = 512;

/// Imports a file, keeps `state` up to date, and adds the parts of the file of rejected rows to `rejected_file`.
pub(super) async fn run(
    file: web_sys::File,
    format: Format,
    options: ImportOptions,
    state: RwSignal<ImportState>,
    rejected_file: js_sys::Array,
) -> End {
    let mut run = Run {
        tracker: ImportTracker::new(options),
        file: Some(OpenFile {
            blob: file.into(),
            offset: 0.0,
            reader: Reader::new(format),
        }),
        unreadable: None,
        rejected: RejectedList {
            rows: RejectedRows::new(format),
            file: rejected_file,
            state,
        },
        state,
    };
    let failure = run.finish().await.err();
    run.rejected.finish();
    let line = run.tracker.last_line();
    match (failure, run.unreadable) {
        (Some(error), _) => End::Failed(line, error),
        (None, Some(error)) => End::Unreadable(line, error),
        (None, None) if state.with_untracked(ImportState::is_stopping) => End::Stopped(line),
        (None, None) => End::Complete,
    }
}

struct Run {
    tracker: ImportTracker,
    /// The file, until its end has been read.
    file: Option<OpenFile>,
    unreadable: Option<ReadError>,
    rejected: RejectedList,
    state: RwSignal<ImportState>,
}

/// The destinations of rejected rows: the list in the pane, and the file of rejected rows.
struct RejectedList {
    rows: RejectedRows,
    file: js_sys::Array,
    state: RwSignal<ImportState>,
}

struct OpenFile {
    blob: web_sys::Blob,
    /// Bytes read so far.
    offset: f64,
    reader: Reader,
}

impl Run {
    /// Calls the server until all rows read are stored. Calls again when the connection breaks, except for a dry run,
    /// which the server does not remember.
    async fn finish(&mut self) -> Result<(), CallError> {
        let mut backoff = Backoff::default();
        loop {
            let stored = self.tracker.last_line();
            let outcome = self.call().await;
            let is_lost = outcome == Err(CallError::Unreachable) && !self.tracker.is_dry_run();
            if !is_lost || self.is_stopping() {
                return outcome;
            }
            if self.tracker.last_line() > stored {
                backoff.reset();
            }
            self.state.update(|state| state.set_waiting(true));
            browser::sleep(backoff.next_delay()).await;
        }
    }

    /// Continues the import in one call. Returns `Unreachable` if the call ends before all rows are stored.
    async fn call(&mut self) -> Result<(), CallError> {
        let (sender, requests) = mpsc::channel(QUEUE);
        let mut sender = Some(sender);
        let first = self.tracker.begin_call().encode_to_vec().into();
        if let Some(sender) = &mut sender {
            // An empty queue has room.
            let _ = sender.try_send(first);
        }
        let responses = api::import_users(requests.boxed()).await?;
        let mut responses = std::pin::pin!(responses);
        // The first response says where to continue: earlier calls may have stored rows.
        let first = responses.next().await;
        self.on_response(first.unwrap_or(Err(CallError::Unreachable))?);
        self.state.update(|state| state.set_waiting(false));
        loop {
            if self.is_stopping() {
                self.file = None;
                self.tracker.drop_unsent();
            }
            if self.tracker.wants_rows() && self.file.is_some() {
                self.read().await;
                continue;
            }
            if self.file.is_none() && self.tracker.has_sent_all() {
                // Half-close.
                sender = None;
            }
            let has_request = self.tracker.has_request();
            let room = poll_fn(|context| match &mut sender {
                Some(sender) if has_request => sender.poll_ready(context),
                _ => Poll::Pending,
            });
            match select(responses.next(), room).await {
                Either::Left((Some(response), _)) => self.on_response(response?),
                Either::Left((None, _)) => break,
                Either::Right((Ok(()), _)) => {
                    if let (Some(sender), Some(request)) =
                        (&mut sender, self.tracker.next_request())
                    {
                        // `room` has reserved a place in the queue.
                        let _ = sender.start_send(Bytes::from(request.encode_to_vec()));
                    }
                }
                // The call has ended; its responses say why.
                Either::Right((Err(_), _)) => sender = None,
            }
        }
        if self.tracker.unacknowledged() == 0 && self.file.is_none() {
            Ok(())
        } else {
            Err(CallError::Unreachable)
        }
    }

    /// Reads the next chunk of the file.
    async fn read(&mut self) {
        let Some(file) = &mut self.file else { return };
        let chunk = file.next_chunk().await;
        let (tracker, rejected) = (&mut self.tracker, &mut self.rejected);
        let mut deliver = |row| {
            if let Some(row) = tracker.take(row) {
                rejected.add(&row);
            }
        };
        let is_end = chunk.as_ref().is_ok_and(Vec::is_empty);
        let outcome = chunk.and_then(|bytes| file.reader.push(&bytes, &mut deliver));
        let (bytes_read, progress) = (file.offset, self.tracker.progress());
        self.state.update(|state| {
            state.read(bytes_read);
            state.advance(progress);
        });
        self.unreadable = outcome.err();
        if is_end || self.unreadable.is_some() {
            self.file = None;
        }
    }

    fn on_response(&mut self, response: ImportUsersResponse) {
        if let Some(row) = self.tracker.on_response(response) {
            self.rejected.add(&row);
        }
        let progress = self.tracker.progress();
        self.state.update(|state| state.advance(progress));
    }

    fn is_stopping(&self) -> bool {
        self.state.with_untracked(ImportState::is_stopping)
    }
}

impl OpenFile {
    /// Returns the next bytes; none at the end of the file.
    async fn next_chunk(&mut self) -> Result<Vec<u8>, ReadError> {
        let end = (self.offset + CHUNK).min(self.blob.size());
        let content = match self.blob.slice_with_f64_and_f64(self.offset, end) {
            Ok(chunk) => JsFuture::from(chunk.array_buffer()).await,
            Err(error) => Err(error),
        };
        self.offset = end;
        // Fails for a file that was moved or changed since the reader chose it.
        let content = content.map_err(|_| ReadError {
            line: 0,
            what: key("the browser can no longer read the file; choose the file again"),
            detail: String::new(),
        })?;
        Ok(js_sys::Uint8Array::new(&content).to_vec())
    }
}

impl RejectedList {
    fn add(&mut self, row: &Rejected) {
        let mut text = String::new();
        self.rows.add(row, &mut text);
        self.file.push(&text.into());
        let row = RejectedRow {
            line: row.line,
            reason: describe_errors(&row.errors),
        };
        self.state.update(|state| state.reject(row));
    }

    fn finish(&self) {
        let mut text = String::new();
        self.rows.finish(&mut text);
        self.file.push(&text.into());
    }
}
