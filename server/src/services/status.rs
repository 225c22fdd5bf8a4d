//! Converts errors to gRPC statuses. The detail of an error is logged here; the client gets a fixed sentence.

use soundstage_proto::FieldError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::directory::DirectoryError;

impl From<DirectoryError> for Status {
    fn from(error: DirectoryError) -> Self {
        // Not logged: in normal operation, callers reach these bounds of the store often.
        if !matches!(
            error,
            DirectoryError::Overloaded | DirectoryError::TooSlow | DirectoryError::TooManyImports
        ) {
            tracing::error!(%error, "directory failed");
        }
        match error {
            DirectoryError::Damaged(_) => Self::data_loss("the user database is damaged"),
            DirectoryError::Locked(_) => {
                Self::unavailable("the user database is in use by another program; try again")
            }
            DirectoryError::ReadOnly(_) => {
                Self::failed_precondition("the user database is read-only")
            }
            DirectoryError::Full(_) => Self::resource_exhausted(
                "the disk of the user database is full; nothing was stored",
            ),
            DirectoryError::NoFreeId => Self::resource_exhausted("every user id is taken"),
            DirectoryError::Overloaded => Self::resource_exhausted(
                "too many searches and exports are waiting; try again in a moment",
            ),
            DirectoryError::TooSlow => Self::resource_exhausted(
                "the search took too long; search for a longer text, or skip fewer users",
            ),
            DirectoryError::TooManyImports => Self::resource_exhausted(
                "too many imports have a name; import without a name, or try again in an hour",
            ),
            DirectoryError::Rebuilding(_) => Self::unavailable(
                "the search index was damaged and is being rebuilt; try again in a moment",
            ),
            DirectoryError::Closed(_) => Self::unavailable("the user database is closed"),
            DirectoryError::Failed(_) => Self::internal("the user database failed"),
        }
    }
}

/// Returns `INVALID_ARGUMENT` with a `google.rpc.BadRequest` that names each field.
pub(crate) fn invalid_fields(errors: &[FieldError]) -> Status {
    let fields = errors
        .iter()
        .map(|error| FieldViolation::new(error.field.clone(), error.description.clone()));
    bad_request(fields.collect())
}

/// Returns `INVALID_ARGUMENT` for one field, such as `samples[2].position`.
pub(crate) fn invalid_field(field: impl Into<String>, description: &'static str) -> Status {
    bad_request(vec![FieldViolation::new(field, description)])
}

fn bad_request(fields: Vec<FieldViolation>) -> Status {
    let sentences: Vec<_> = fields
        .iter()
        .map(|field| format!("{}: {}", field.field, field.description))
        .collect();
    Status::with_error_details(
        Code::InvalidArgument,
        sentences.join(" "),
        ErrorDetails::with_bad_request(fields),
    )
}
