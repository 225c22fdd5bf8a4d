//! One call at a time: begun, fed, half-closed, called off; and everything that happens in it, in the log.

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::AbortHandle;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use leptos::prelude::*;
use prost::bytes::Bytes;
use soundstage_proto::descriptor::MethodDescriptor;

use super::log::{Direction, EventKind, Log};
use super::message_text::{TextFormat, text_of};
use crate::api::{RawCall, RawEnd, RawEvent};
use crate::browser;
use crate::language::fill;

/// Requests of a call that can be copied. More would be no example but a file.
const MAX_COPIED: usize = 100;

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// None has been made.
    #[default]
    Idle,
    /// More requests may be sent.
    Sending,
    /// Only answers are to come.
    Waiting,
    /// It has ended.
    Ended,
}

/// The call of a panel.
#[derive(Clone, Copy)]
pub(super) struct Session {
    phase: RwSignal<Phase>,
    log: StoredValue<Log, LocalStorage>,
    /// Counts up, at most once a frame, when the log has grown.
    version: RwSignal<u32>,
    draws: StoredValue<bool>,
    /// The first requests of the call, to be copied.
    first_requests: StoredValue<Vec<Bytes>>,
    /// Counts all of them.
    request_count: StoredValue<usize>,
    outgoing: StoredValue<Outgoing, LocalStorage>,
    task: StoredValue<Option<AbortHandle>, LocalStorage>,
}

/// Where requests go.
#[derive(Default)]
enum Outgoing {
    #[default]
    Nowhere,
    /// To the server, at once.
    Socket(&'static MethodDescriptor, UnboundedSender<Bytes>),
    /// Nowhere until the last is there: gRPC-Web sends them together.
    HeldBack(RawCall, Vec<Bytes>),
}

impl Session {
    /// A panel's session; its call ends with the panel.
    pub(super) fn new() -> Self {
        let session = Self {
            phase: RwSignal::default(),
            log: StoredValue::new_local(Log::default()),
            version: RwSignal::new(0),
            draws: StoredValue::new(false),
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

    /// Reads the log; tracks it.
    pub(super) fn with_log<T>(self, read: impl FnOnce(&Log) -> T) -> T {
        self.version.track();
        self.log.with_value(read)
    }

    /// The first requests so far, and how many there are in all; tracks them.
    pub(super) fn requests(self) -> (Vec<Bytes>, usize) {
        self.version.track();
        (
            self.first_requests.get_value(),
            self.request_count.get_value(),
        )
    }

    /// How many requests wait for the half-close.
    pub(super) fn held_back(self) -> usize {
        self.version.track();
        self.outgoing.with_value(|outgoing| match outgoing {
            Outgoing::HeldBack(_, requests) => requests.len(),
            Outgoing::Nowhere | Outgoing::Socket(..) => 0,
        })
    }

    /// Sends requests, in a new call if none is open that takes more.
    pub(super) fn send(self, call: RawCall, messages: Vec<Bytes>) {
        if self.phase.get_untracked() != Phase::Sending {
            self.begin(&call);
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
            Outgoing::Socket(method, requests) => {
                self.log_requests(method, &messages);
                for message in messages {
                    // A call that has just ended takes none; its end is in the log.
                    let _ = requests.unbounded_send(message);
                }
            }
            Outgoing::HeldBack(_, requests) => requests.extend(messages),
            Outgoing::Nowhere => {}
        });
        self.redraw();
    }

    fn remember(self, messages: &[Bytes]) {
        self.request_count
            .update_value(|count| *count += messages.len());
        self.first_requests.update_value(|first| {
            let place = MAX_COPIED - first.len();
            first.extend(messages.iter().take(place).cloned());
        });
    }

    /// Opens a call for requests to come.
    fn open(self, call: RawCall) {
        self.phase.set(Phase::Sending);
        if call.over_websocket {
            let (sender, receiver) = unbounded();
            self.outgoing
                .set_value(Outgoing::Socket(call.method, sender));
            self.run(call, receiver.boxed());
        } else {
            self.outgoing
                .set_value(Outgoing::HeldBack(call, Vec::new()));
        }
    }

    /// Says that no more requests come. Without a call, makes one that has none.
    pub(super) fn half_close(self, call: RawCall) {
        if self.phase.get_untracked() != Phase::Sending {
            self.begin(&call);
            self.open(call);
        }
        self.phase.set(Phase::Waiting);
        let outgoing = self
            .outgoing
            .try_update_value(std::mem::take)
            .unwrap_or_default();
        if let Outgoing::HeldBack(call, requests) = outgoing {
            self.log_requests(call.method, &requests);
            self.push(Direction::Sent, EventKind::HalfClose, None);
            self.run(call, stream::iter(requests).boxed());
        } else {
            // Dropping the sender was the half-close.
            self.push(Direction::Sent, EventKind::HalfClose, None);
        }
    }

    /// Calls it off.
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

    fn begin(self, call: &RawCall) {
        self.stop();
        self.first_requests.set_value(Vec::new());
        self.request_count.set_value(0);
        self.log.set_value(Log::begin(browser::now()));
        self.push(Direction::Sent, EventKind::Call(describe(call)), None);
    }

    fn run(self, call: RawCall, requests: BoxStream<'static, Bytes>) {
        let answer = call.method.response;
        let mut events = call.start(requests);
        let task = browser::spawn_abortable(async move {
            while let Some(event) = events.next().await {
                match event {
                    RawEvent::Headers(headers) => {
                        self.push(
                            Direction::Received,
                            EventKind::Headers(lines(&headers).unwrap_or_default()),
                            None,
                        );
                    }
                    RawEvent::Message(message) => {
                        let text = text_of(answer, &message, TextFormat::Json);
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
                        self.outgoing.set_value(Outgoing::Nowhere);
                        self.phase.set(Phase::Ended);
                    }
                }
            }
        });
        self.task.set_value(Some(task));
    }

    fn log_requests(self, method: &MethodDescriptor, messages: &[Bytes]) {
        for message in messages {
            let text = text_of(method.request, message, TextFormat::Json);
            self.push(
                Direction::Sent,
                EventKind::Message(text),
                Some(message.len()),
            );
        }
    }

    fn push(self, direction: Direction, what: EventKind, size: Option<usize>) {
        let now = browser::now();
        self.log
            .update_value(|log| log.push(now, direction, what, size));
        self.redraw();
    }

    /// Has the diagram drawn at the next frame, however much happens until then.
    fn redraw(self) {
        if self.draws.get_value() {
            return;
        }
        self.draws.set_value(true);
        request_animation_frame(move || {
            // The panel may have gone meanwhile.
            if self.draws.try_set_value(false).is_none() {
                self.version.update(|version| *version += 1);
            }
        });
    }
}

/// The method and what goes with the call.
fn describe(call: &RawCall) -> String {
    let transport = if call.over_websocket {
        "WebSocket"
    } else {
        "gRPC-Web"
    };
    let mut parts = vec![fill("{0} over {1}", &[call.method.path, transport])];
    parts.extend(
        call.deadline
            .map(|deadline| fill("deadline {0} ms", &[&deadline.as_millis().to_string()])),
    );
    parts.extend(lines(&call.metadata));
    parts.join(", ")
}

fn status(end: RawEnd) -> String {
    let mut parts = vec![end.code];
    parts.extend((!end.message.is_empty()).then_some(end.message));
    parts.extend(lines(&end.trailers));
    parts.join(": ")
}

/// Headers on one line, if there are any.
fn lines(pairs: &[(String, String)]) -> Option<String> {
    let lines: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
