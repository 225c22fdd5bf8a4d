//! Errors of calls, as the page distinguishes them.

use prost::Message as _;
use soundstage_channel::{DecodeError, Failure};
use tonic::{Code, Status};
use tonic_types::{RpcStatusExt as _, pb};

use crate::language::{fill, t, translated};

/// Reason why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CallError {
    /// No response: the server is not reachable, not ready, or too slow.
    Unreachable,
    /// The server failed to do its work, with this message: `INTERNAL` or `RESOURCE_EXHAUSTED`, for example.
    Failed(String),
    /// The server rejected these fields; each has a description.
    InvalidFields(Vec<(String, String)>),
    /// The user has a newer revision.
    Stale,
    /// The user does not exist.
    NotFound,
    /// The server rejected the call for another reason, with this message.
    Rejected(String),
}

impl CallError {
    /// Returns true if the same call would fail again, so that nothing retries it.
    pub(crate) const fn is_final(&self) -> bool {
        !matches!(self, Self::Unreachable | Self::Failed(_))
    }

    /// Returns the error as a sentence for the reader.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Unreachable => t("Cannot reach the server.").into(),
            Self::InvalidFields(fields) => {
                let sentences = fields.iter().map(|(field, description)| {
                    let description = translated(description);
                    match field.as_str() {
                        // A rule about the user as a whole.
                        "" => description.to_owned(),
                        field => format!("{field}: {description}"),
                    }
                });
                sentences.collect::<Vec<_>>().join(" ")
            }
            Self::Stale => t("Someone else has changed this user.").into(),
            Self::NotFound => t("This user no longer exists.").into(),
            Self::Failed(message) | Self::Rejected(message) => {
                fill("The server reported an error: {0}", &[message])
            }
        }
    }

    /// Returns the error of a status that is not `OK`; `details` is an encoded `google.rpc.Status`, or empty.
    pub(super) fn from_status(code: Code, message: &str, details: &[u8]) -> Self {
        let message = || message.to_owned();
        match code {
            Code::Unavailable | Code::DeadlineExceeded => Self::Unreachable,
            Code::Aborted => Self::Stale,
            Code::NotFound => Self::NotFound,
            Code::InvalidArgument => match rejected_fields(details) {
                Some(fields) => Self::InvalidFields(fields),
                None => Self::Rejected(message()),
            },
            Code::Unimplemented
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::OutOfRange
            | Code::Unauthenticated
            | Code::PermissionDenied => Self::Rejected(message()),
            _ => Self::Failed(message()),
        }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        match Failure::of(&status) {
            Some(_) => Self::Unreachable,
            None => Self::from_status(status.code(), status.message(), status.details()),
        }
    }
}

impl From<DecodeError> for CallError {
    fn from(error: DecodeError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Returns the fields that the server rejected, if the details of the status name them.
fn rejected_fields(details: &[u8]) -> Option<Vec<(String, String)>> {
    let status = pb::Status::decode(details).ok()?;
    let violations = status.get_details_bad_request()?.field_violations;
    let fields = violations
        .into_iter()
        .map(|violation| (violation.field, violation.description));
    Some(fields.collect())
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn rejected_fields_differ_from_an_unreachable_server() {
        let details = ErrorDetails::with_bad_request_violation("nickname", "Enter a nickname.");
        let rejected = Status::with_error_details(Code::InvalidArgument, "rejected", details);
        let field = ("nickname".to_owned(), "Enter a nickname.".to_owned());
        assert_eq!(
            CallError::from(rejected),
            CallError::InvalidFields(vec![field])
        );
        assert_eq!(
            CallError::from(Status::unavailable("stopping")),
            CallError::Unreachable
        );
        let no_response = Failure::NoResponse.status(Code::Unknown, "Failed to fetch");
        assert_eq!(CallError::from(no_response), CallError::Unreachable);
        assert_eq!(
            CallError::from(Status::data_loss("damaged")),
            CallError::Failed("damaged".into())
        );
    }

    #[test]
    fn calls_that_would_fail_again_are_final() {
        let is_final = |code| CallError::from(Status::new(code, "")).is_final();
        for code in [
            Code::InvalidArgument,
            Code::Unimplemented,
            Code::NotFound,
            Code::FailedPrecondition,
            Code::AlreadyExists,
            Code::OutOfRange,
            Code::Aborted,
            Code::Unauthenticated,
            Code::PermissionDenied,
        ] {
            assert!(is_final(code), "{code:?}");
        }
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::ResourceExhausted,
            Code::Internal,
            Code::Unknown,
            Code::Cancelled,
        ] {
            assert!(!is_final(code), "{code:?}");
        }
    }
}
