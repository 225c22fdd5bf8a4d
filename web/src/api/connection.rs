//! State of a stream that reconnects.

use super::error::CallError;

/// State of a stream, for the page to show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Connection {
    /// The page is hidden, or the reader has stopped the stream.
    Paused,
    /// The page waits for the first response.
    Connecting,
    /// The stream is open.
    Live,
    /// The stream broke, and the page opens another. `since` is the time of the break, as [`crate::browser::now`] counts.
    Reconnecting { since: f64 },
    /// The server rejected the call, so the page does not try again.
    Failed(CallError),
}

impl Connection {
    /// Returns the state after an error at this time. Failed attempts to reconnect keep the time of the first break.
    pub(super) fn after(&self, error: CallError, now: f64) -> Self {
        match self {
            _ if error.is_final() => Self::Failed(error),
            Self::Reconnecting { since } => Self::Reconnecting { since: *since },
            _ => Self::Reconnecting { since: now },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_stream_reconnects_since_its_first_break() {
        let first = Connection::Live.after(CallError::Unreachable, 1000.0);
        assert_eq!(first, Connection::Reconnecting { since: 1000.0 });
        let second = first.after(CallError::Failed("busy".into()), 2000.0);
        assert_eq!(second, first);
    }

    #[test]
    fn a_final_error_ends_the_connection() {
        let rejected = CallError::Rejected("unknown method".into());
        let connection = Connection::Reconnecting { since: 0.0 };
        assert_eq!(
            connection.after(rejected.clone(), 1.0),
            Connection::Failed(rejected)
        );
    }
}
