//! The events of a call: the rows of its sequence diagram. Plain state, tested on the host.

use std::collections::VecDeque;

use crate::language::key;

/// The maximum number of events in the log. A longer call drops the oldest events; the counts include all.
const CAPACITY: usize = 2000;

/// The maximum length of all texts in the log, in bytes. A response may have megabytes, and the tab keeps four logs. A
/// longer text is kept, without other texts.
const MAX_TEXT: usize = 8_000_000;

/// The direction of an event, as the page sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Sent,
    Received,
}

/// The kind of an event, with its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EventKind {
    /// The call itself, with its metadata.
    Call(String),
    /// A message.
    Message(String),
    /// The end of the requests.
    HalfClose,
    /// The reader cancelled the call.
    Cancel,
    /// The response headers.
    Headers(String),
    /// The status that ended the call.
    Status { ok: bool, text: String },
}

impl EventKind {
    /// Returns the label of the event; empty for a message.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Call(_) => key("call"),
            Self::Message(_) => "",
            Self::HalfClose => key("half-close"),
            Self::Cancel => key("cancel"),
            Self::Headers(_) => key("headers"),
            Self::Status { .. } => key("status"),
        }
    }

    /// Returns the text of the event, each header on a line of its own; empty where the label says all.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Call(text)
            | Self::Message(text)
            | Self::Headers(text)
            | Self::Status { text, .. } => text,
            Self::HalfClose | Self::Cancel => "",
        }
    }
}

/// An event of a call: an arrow of the diagram.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// The number of the event in the call, from 0.
    pub(super) index: usize,
    /// Milliseconds since the start of the call.
    pub(super) at: f64,
    pub(super) direction: Direction,
    pub(super) kind: EventKind,
    /// The size of a message in bytes; `None` for other events.
    pub(super) size: Option<usize>,
}

/// The numbers of messages and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// The newest events of a call, and the counts of all.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    events: VecDeque<Event>,
    /// The length of all texts of `events`, in bytes.
    text_bytes: usize,
    /// The start of the call in milliseconds.
    start: f64,
    next_index: usize,
    pub(super) sent: Count,
    pub(super) received: Count,
}

impl Log {
    /// Creates the log of a call that starts at `now` (milliseconds).
    pub(super) fn starting_at(now: f64) -> Self {
        Self {
            start: now,
            ..Self::default()
        }
    }

    /// Adds an event; `size` is the size of a message in bytes.
    pub(super) fn push(
        &mut self,
        now: f64,
        direction: Direction,
        kind: EventKind,
        size: Option<usize>,
    ) {
        if let Some(bytes) = size {
            let count = match direction {
                Direction::Sent => &mut self.sent,
                Direction::Received => &mut self.received,
            };
            count.messages += 1;
            count.bytes += bytes;
        }
        self.text_bytes += kind.text().len();
        while self.events.len() == CAPACITY || self.text_bytes > MAX_TEXT {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.text_bytes -= oldest.kind.text().len();
        }
        let (index, at) = (self.next_index, now - self.start);
        self.events.push_back(Event {
            index,
            at,
            direction,
            kind,
            size,
        });
        self.next_index += 1;
    }

    /// Returns the number of events in the log.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the number of dropped events.
    pub(super) fn dropped(&self) -> usize {
        self.next_index - self.events.len()
    }

    /// Returns the event at a position, counted from the oldest event in the log.
    pub(super) fn row(&self, position: usize) -> Option<&Event> {
        self.events.get(position)
    }

    /// Returns the event with an index; `None` if the event was dropped.
    pub(super) fn event(&self, index: usize) -> Option<&Event> {
        self.row(index.checked_sub(self.dropped())?)
    }

    /// Returns the time of the last event, in milliseconds since the start of the call.
    pub(super) fn elapsed(&self) -> f64 {
        self.events.back().map_or(0.0, |event| event.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_messages_are_bounded_by_their_bytes_and_the_newest_stays() {
        let mut log = Log::starting_at(0.0);
        let large = "x".repeat(MAX_TEXT / 4);
        for n in 0..100 {
            let message = EventKind::Message(format!("{n}{large}"));
            log.push(0.0, Direction::Received, message, Some(large.len()));
        }
        let kept: usize = (0..log.len())
            .filter_map(|row| log.row(row))
            .map(|event| event.kind.text().len())
            .sum();
        assert!(kept <= MAX_TEXT, "{kept} bytes are kept");
        assert_eq!((log.len(), log.dropped()), (3, 97));
        assert_eq!(log.received.messages, 100);
        let huge = EventKind::Message("y".repeat(2 * MAX_TEXT));
        log.push(0.0, Direction::Received, huge, Some(1));
        assert_eq!((log.len(), log.dropped()), (1, 100));
        log.push(
            0.0,
            Direction::Received,
            EventKind::Message("z".into()),
            Some(1),
        );
        assert_eq!(log.row(0).expect("a row").kind.text(), "z");
    }

    #[test]
    fn a_long_call_keeps_all_counts_and_its_newest_events() {
        let mut log = Log::starting_at(100.0);
        log.push(
            100.0,
            Direction::Sent,
            EventKind::Call("GetUsersByType".into()),
            None,
        );
        log.push(
            101.0,
            Direction::Sent,
            EventKind::Message("{}".into()),
            Some(3),
        );
        for n in 0..10_000 {
            let now = 102.0 + f64::from(n);
            log.push(
                now,
                Direction::Received,
                EventKind::Message(n.to_string()),
                Some(10),
            );
        }
        assert_eq!(
            log.sent,
            Count {
                messages: 1,
                bytes: 3
            }
        );
        assert_eq!(
            log.received,
            Count {
                messages: 10_000,
                bytes: 100_000
            }
        );
        assert_eq!((log.len(), log.dropped()), (CAPACITY, 10_002 - CAPACITY));
        let oldest = log.row(0).expect("a row");
        assert_eq!(log.event(oldest.index), Some(oldest));
        assert_eq!(log.event(0), None, "dropped");
        assert_eq!(log.row(CAPACITY - 1).expect("a row").kind.text(), "9999");
        assert!((log.elapsed() - 10_001.0).abs() < 0.001);
    }
}
