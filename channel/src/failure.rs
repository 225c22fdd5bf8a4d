//! Calls without a complete response.

use std::error::Error as _;
use std::sync::Arc;

use tonic::{Code, Status};

/// The reason why a call has no complete response. It is the source of the call's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The connection could not be opened, so the server has not received the call. Repeating the call is safe.
    #[error("the server was not reached")]
    NeverReached,
    /// The call failed before the response began. `fetch` does not tell whether the server has received the call.
    #[error("the server did not respond")]
    NoResponse,
    /// The connection was lost while the call was in progress.
    #[error("the connection was lost")]
    ConnectionLost,
}

impl Failure {
    /// Returns the failure of a call; `None` if the status is the server's.
    pub fn of(status: &Status) -> Option<Self> {
        status.source()?.downcast_ref().copied()
    }

    /// Returns the status of a call with this failure. `detail` is appended to the message, if not empty.
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
    fn a_failure_is_the_source_of_its_status_and_a_status_of_the_server_has_none() {
        let status = Failure::NeverReached.status(Code::Unavailable, "refused");
        assert_eq!(Failure::of(&status), Some(Failure::NeverReached));
        assert_eq!(status.message(), "the server was not reached: refused");
        // As tonic converts the error of a service.
        let converted = Status::from_error(Box::new(status));
        assert_eq!(
            (converted.code(), Failure::of(&converted)),
            (Code::Unavailable, Some(Failure::NeverReached))
        );
        assert_eq!(Failure::of(&Status::unavailable("stopping")), None);
    }
}
