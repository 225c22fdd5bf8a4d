//! From the inside's errors to gRPC statuses. What happened inside is logged here; the caller reads a fixed sentence.

use soundstage_proto::FieldError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::store::{ErrorKind, StoreError};

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error.kind() {
            ErrorKind::Damaged(_) => Self::data_loss("the user database is damaged"),
            ErrorKind::Locked => {
                Self::unavailable("the user database is in use by another program; try again")
            }
            ErrorKind::ReadOnly => Self::failed_precondition("the user database is read-only"),
            ErrorKind::DiskFull => Self::resource_exhausted(
                "the disk of the user database is full; nothing was stored",
            ),
            ErrorKind::NoFreeId => Self::resource_exhausted("every user id is taken"),
            ErrorKind::WriterStopped => Self::unavailable("the user database is closed"),
            ErrorKind::CannotOpen(_)
            | ErrorKind::NotOurs
            | ErrorKind::NewerSchema { .. }
            | ErrorKind::Seed(_)
            | ErrorKind::Other(_) => Self::internal("the user database failed"),
        }
    }
}

/// `INVALID_ARGUMENT` with a `google.rpc.BadRequest` that names each field.
pub(crate) fn invalid_fields(errors: &[FieldError]) -> Status {
    let fields = errors
        .iter()
        .map(|error| FieldViolation::new(error.field.clone(), error.description.clone()));
    bad_request(fields.collect())
}

/// `INVALID_ARGUMENT` for one field, such as `samples[2].position`.
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
