//! Calls that got no answer.

use std::error::Error as _;
use std::sync::Arc;

use tonic::{Code, Status};

/// What is known of a call to which the server gave no answer, or not all of it. It is the source of the call's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No byte of the call has reached the server: it can be made again without doing anything twice.
    #[error("the server was not reached")]
    NeverReached,
    /// The call failed before its answer began. `fetch` does not say whether the server got it.
    #[error("the server did not answer")]
    NoAnswer,
    /// The answer had begun.
    #[error("the connection was lost")]
    ConnectionLost,
}

impl Failure {
    /// What is known of a failed call; `None` if the server answered it.
    pub fn of(status: &Status) -> Option<Self> {
        status.source()?.downcast_ref().copied()
    }

    /// The status of a call that failed so.
    pub fn status(self, code: Code, detail: &str) -> Status {
        let message = if detail.is_empty() {
            self.to_string()
        } else {
            format!("{self}: {detail}")
        };
        let mut status = Status::new(code, message);
        status.set_source(Arc::new(self));
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_what_the_transport_knows_and_the_servers_own_does_not() {
        let status = Failure::NeverReached.status(Code::Unavailable, "refused");
        assert_eq!(Failure::of(&status), Some(Failure::NeverReached));
        assert_eq!(status.message(), "the server was not reached: refused");
        // As tonic passes on what a service returns.
        let passed_on = Status::from_error(Box::new(status));
        assert_eq!(
            (passed_on.code(), Failure::of(&passed_on)),
            (Code::Unavailable, Some(Failure::NeverReached))
        );
        assert_eq!(Failure::of(&Status::unavailable("stopping")), None);
    }
}
