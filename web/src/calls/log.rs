//! What has gone to and fro in a call: the rows of its sequence diagram. Plain state, tested on the host.

use std::collections::VecDeque;

use crate::language::key;

/// Rows that are kept. Of a longer call the oldest go; the counts know of all.
const CAPACITY: usize = 2000;

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Sent,
    Received,
}

/// What went.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EventKind {
    /// The call itself, with its metadata.
    Call(String),
    /// A message as text.
    Message(String),
    /// No more requests will come.
    HalfClose,
    /// The reader has called it off.
    Cancel,
    /// The response's headers.
    Headers(String),
    /// How the call ended.
    Status { ok: bool, text: String },
}

impl EventKind {
    /// One word for the kind of thing; a message needs none.
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

    /// Its content; empty where the label says all.
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

/// One arrow of the diagram.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Counts from 0 in the whole call.
    pub(super) index: usize,
    /// Milliseconds since the call began.
    pub(super) at: f64,
    pub(super) direction: Direction,
    pub(super) what: EventKind,
    /// Bytes of a message.
    pub(super) size: Option<usize>,
}

/// Messages and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// All that has happened, as far as it is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    arrows: VecDeque<Event>,
    began: f64,
    next: usize,
    pub(super) sent: Count,
    pub(super) received: Count,
}

impl Log {
    /// An empty log of a call that begins now.
    pub(super) fn begin(now: f64) -> Self {
        Self {
            began: now,
            ..Self::default()
        }
    }

    /// Adds an arrow; `size` for a message.
    pub(super) fn push(
        &mut self,
        now: f64,
        direction: Direction,
        what: EventKind,
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
        if self.arrows.len() == CAPACITY {
            self.arrows.pop_front();
        }
        let (index, at) = (self.next, now - self.began);
        self.arrows.push_back(Event {
            index,
            at,
            direction,
            what,
            size,
        });
        self.next += 1;
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.arrows.len()
    }

    /// How many have been let go of.
    pub(super) fn forgotten(&self) -> usize {
        self.next - self.arrows.len()
    }

    /// The row with this position, counted from the oldest that is kept.
    pub(super) fn row(&self, position: usize) -> Option<&Event> {
        self.arrows.get(position)
    }

    /// The arrow with this index, if it is still kept.
    pub(super) fn arrow(&self, index: usize) -> Option<&Event> {
        self.row(index.checked_sub(self.forgotten())?)
    }

    /// When the last thing happened, in milliseconds since the call began.
    pub(super) fn elapsed(&self) -> f64 {
        self.arrows.back().map_or(0.0, |arrow| arrow.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_call_keeps_its_counts_and_its_newest_rows() {
        let mut log = Log::begin(100.0);
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
        assert_eq!((log.len(), log.forgotten()), (CAPACITY, 10_002 - CAPACITY));
        let oldest = log.row(0).expect("a row");
        assert_eq!(log.arrow(oldest.index), Some(oldest));
        assert_eq!(log.arrow(0), None, "forgotten");
        assert_eq!(log.row(CAPACITY - 1).expect("a row").what.text(), "9999");
        assert!((log.elapsed() - 10_001.0).abs() < 0.001);
    }
}
