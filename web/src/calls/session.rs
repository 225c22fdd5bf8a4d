//! A session: makes one call at a time, and logs its events.

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::AbortHandle;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use leptos::prelude::*;
use prost::bytes::Bytes;
use soundstage_proto::descriptor::MethodDescriptor;

use super::log::{Direction, EventKind, Log};
use super::message_text::{TextFormat, message_text};
use crate::api::{RawCall, RawEnd, RawEvent};
use crate::browser;
use crate::language::fill;

/// The maximum number of requests in a snippet.
const MAX_COPIED: usize = 100;

/// The phase of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// The panel has made no call yet.
    #[default]
    Idle,
    /// The call accepts requests.
    Sending,
    /// The requests have ended; responses may follow.
    Waiting,
    /// The call has ended.
    Ended,
}

/// The session of a panel.
#[derive(Clone, Copy)]
pub(super) struct Session {
    phase: RwSignal<Phase>,
    log: StoredValue<Log, LocalStorage>,
    /// Increments when the log has grown, at most once per frame.
    version: RwSignal<u32>,
    /// Whether a frame is requested.
    is_redraw_pending: StoredValue<bool>,
    /// The method of the call.
    method: StoredValue<Option<&'static MethodDescriptor>>,
    /// The first requests of the call, for snippets.
    first_requests: StoredValue<Vec<Bytes>>,
    /// The number of all requests.
    request_count: StoredValue<usize>,
    outgoing: StoredValue<Outgoing, LocalStorage>,
    task: StoredValue<Option<AbortHandle>, LocalStorage>,
}

/// The destination of requests.
#[derive(Default)]
enum Outgoing {
    /// No call accepts requests.
    #[default]
    Closed,
    /// Requests are sent at once.
    Open(&'static MethodDescriptor, UnboundedSender<Bytes>),
    /// Requests wait for the half-close: gRPC-Web sends them together.
    Queued(RawCall, Vec<Bytes>),
}

impl Session {
    /// Creates a session, whose call ends with the panel.
    pub(super) fn new() -> Self {
        let session = Self {
            phase: RwSignal::default(),
            log: StoredValue::new_local(Log::default()),
            version: RwSignal::new(0),
            is_redraw_pending: StoredValue::new(false),
            method: StoredValue::new(None),
            first_requests: StoredValue::default(),
            request_count: StoredValue::default(),
            outgoing: StoredValue::new_local(Outgoing::default()),
            task: StoredValue::new_local(None),
        };
        on_cleanup(move || session.stop());
        session
    }

    pub(super) fn phase(self) -> Phase {
        self.phase.get()
    }

    /// Reads the log and tracks its changes.
    pub(super) fn with_log<T>(self, read: impl FnOnce(&Log) -> T) -> T {
        self.version.track();
        self.log.with_value(read)
    }

    /// Returns the first requests and the number of all requests, and tracks their changes. Returns no requests and 0
    /// if the call has another method.
    pub(super) fn requests(self, method: &MethodDescriptor) -> (Vec<Bytes>, usize) {
        self.version.track();
        let path = self.method.get_value().map(|method| method.path);
        if path != Some(method.path) {
            return (Vec::new(), 0);
        }
        (
            self.first_requests.get_value(),
            self.request_count.get_value(),
        )
    }

    /// Returns the number of requests that wait for the half-close.
    pub(super) fn queued(self) -> usize {
        self.version.track();
        self.outgoing.with_value(|outgoing| match outgoing {
            Outgoing::Queued(_, requests) => requests.len(),
            Outgoing::Closed | Outgoing::Open(..) => 0,
        })
    }

    /// Sends requests. Starts a new call if no call accepts requests.
    pub(super) fn send(self, call: RawCall, messages: Vec<Bytes>) {
        if self.phase.get_untracked() != Phase::Sending {
            self.start_call(&call);
            if !call.method.kind.takes_many() {
                self.remember(&messages);
                self.log_requests(call.method, &messages);
                self.phase.set(Phase::Waiting);
                self.run(call, stream::iter(messages).boxed());
                return;
            }
            self.open(call);
        }
        self.remember(&messages);
        self.outgoing.update_value(|outgoing| match outgoing {
            Outgoing::Open(method, requests) => {
                self.log_requests(method, &messages);
                for message in messages {
                    // A call that has just ended accepts no request; the log shows the end.
                    let _ = requests.unbounded_send(message);
                }
            }
            Outgoing::Queued(_, requests) => requests.extend(messages),
            Outgoing::Closed => {}
        });
        self.redraw();
    }

    /// Keeps the first requests for snippets.
    fn remember(self, messages: &[Bytes]) {
        self.request_count
            .update_value(|count| *count += messages.len());
        self.first_requests.update_value(|first| {
            let room = MAX_COPIED - first.len();
            first.extend(messages.iter().take(room).cloned());
        });
    }

    /// Opens a call that accepts requests.
    fn open(self, call: RawCall) {
        self.phase.set(Phase::Sending);
        if call.over_websocket {
            let (sender, receiver) = unbounded();
            self.outgoing.set_value(Outgoing::Open(call.method, sender));
            self.run(call, receiver.boxed());
        } else {
            self.outgoing.set_value(Outgoing::Queued(call, Vec::new()));
        }
    }

    /// Ends the requests. Without an open call, makes a call without requests.
    pub(super) fn half_close(self, call: RawCall) {
        if self.phase.get_untracked() != Phase::Sending {
            self.start_call(&call);
            self.open(call);
        }
        self.phase.set(Phase::Waiting);
        let outgoing = self
            .outgoing
            .try_update_value(std::mem::take)
            .unwrap_or_default();
        if let Outgoing::Queued(call, requests) = outgoing {
            self.log_requests(call.method, &requests);
            self.push(Direction::Sent, EventKind::HalfClose, None);
            self.run(call, stream::iter(requests).boxed());
        } else {
            // Dropping the sender half-closed the call.
            self.push(Direction::Sent, EventKind::HalfClose, None);
        }
    }

    /// Cancels the call.
    pub(super) fn cancel(self) {
        self.stop();
        self.push(Direction::Sent, EventKind::Cancel, None);
        self.phase.set(Phase::Ended);
    }

    fn stop(self) {
        if let Some(task) = self.task.try_update_value(Option::take).flatten() {
            task.abort();
        }
        self.outgoing.try_update_value(std::mem::take);
    }

    /// Ends the current call and starts the log of a new call.
    fn start_call(self, call: &RawCall) {
        self.stop();
        self.method.set_value(Some(call.method));
        self.first_requests.set_value(Vec::new());
        self.request_count.set_value(0);
        self.log.set_value(Log::starting_at(browser::now()));
        self.push(Direction::Sent, EventKind::Call(describe(call)), None);
    }

    /// Makes the call and logs its events.
    fn run(self, call: RawCall, requests: BoxStream<'static, Bytes>) {
        let response = call.method.response;
        let mut events = call.start(requests);
        let task = browser::spawn_abortable(async move {
            while let Some(event) = events.next().await {
                match event {
                    RawEvent::Headers(headers) => {
                        self.push(
                            Direction::Received,
                            EventKind::Headers(headers_text(&headers)),
                            None,
                        );
                    }
                    RawEvent::Message(message) => {
                        let text = message_text(response, &message, TextFormat::Json);
                        self.push(
                            Direction::Received,
                            EventKind::Message(text),
                            Some(message.len()),
                        );
                    }
                    RawEvent::End(end) => {
                        let ok = end.code == "OK";
                        let text = status(end);
                        self.push(Direction::Received, EventKind::Status { ok, text }, None);
                        self.outgoing.set_value(Outgoing::Closed);
                        self.phase.set(Phase::Ended);
                    }
                }
            }
        });
        self.task.set_value(Some(task));
    }

    fn log_requests(self, method: &MethodDescriptor, messages: &[Bytes]) {
        for message in messages {
            let text = message_text(method.request, message, TextFormat::Json);
            self.push(
                Direction::Sent,
                EventKind::Message(text),
                Some(message.len()),
            );
        }
    }

    fn push(self, direction: Direction, kind: EventKind, size: Option<usize>) {
        let now = browser::now();
        self.log
            .update_value(|log| log.push(now, direction, kind, size));
        self.redraw();
    }

    /// Redraws the diagram at the next frame.
    fn redraw(self) {
        if self.is_redraw_pending.get_value() {
            return;
        }
        self.is_redraw_pending.set_value(true);
        request_animation_frame(move || {
            // The panel may be gone.
            if self.is_redraw_pending.try_set_value(false).is_none() {
                self.version.update(|version| *version += 1);
            }
        });
    }
}

/// Returns the method and the transport of a call, its deadline and its metadata, each as a line.
fn describe(call: &RawCall) -> String {
    let transport = if call.over_websocket {
        "WebSocket"
    } else {
        "gRPC-Web"
    };
    let mut lines = vec![fill("{0} over {1}", &[call.method.path, transport])];
    lines.extend(
        call.deadline
            .map(|deadline| fill("deadline {0} ms", &[&deadline.as_millis().to_string()])),
    );
    lines.extend(call.metadata.iter().map(header));
    lines.join("\n")
}

/// Returns the status with its message as a line, and each trailer as a line.
fn status(end: RawEnd) -> String {
    let status = if end.message.is_empty() {
        end.code
    } else {
        format!("{}: {}", end.code, end.message)
    };
    let trailers = end.trailers.iter().map(header);
    let lines: Vec<_> = std::iter::once(status).chain(trailers).collect();
    lines.join("\n")
}

/// Returns each header as a line.
fn headers_text(headers: &[(String, String)]) -> String {
    let lines: Vec<_> = headers.iter().map(header).collect();
    lines.join("\n")
}

fn header((name, value): &(String, String)) -> String {
    format!("{name}: {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_trailers_are_lines_of_their_own() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let text = status(RawEnd {
            code: "NOT_FOUND".into(),
            message: "no user has this id".into(),
            trailers: vec![pair("tag", "one"), pair("trace-bin", "AAEC")],
        });
        assert_eq!(
            text,
            "NOT_FOUND: no user has this id\ntag: one\ntrace-bin: AAEC"
        );
    }
}
