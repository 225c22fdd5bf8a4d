//! The failures of a command: a sentence for people, an exit status for scripts.

use std::io;
use std::path::{Path, PathBuf};

use soundstage_server::ServerError;
use soundstage_server::store::sqlite::StoreError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::escape::Escaped;
use crate::exit_status::ExitStatus;
use crate::plural::counted;

/// The reason why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Database(StoreError),
    #[error("no user has the id {0}")]
    NotFound(u32),
    #[error("the id {0} is taken; choose another, or omit --id and let the server choose")]
    AlreadyExists(u32),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    InvalidInput(String),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}", Escaped(.0))]
    ImportConflict(String),
    #[error(
        "the import rejected {}; correct {file} and import that file",
        counted(u64::from(*count), "row")
    )]
    RowsRejected { count: u32, file: String },
    #[error("{cause}; {stored}")]
    ImportStopped {
        #[source]
        cause: Box<Failure>,
        /// A clause that says how much of the file is stored.
        stored: String,
    },
    #[error("interrupted; {0}")]
    Interrupted(String),
    #[error(
        "no server answers at {server}; start one with `soundstage serve`, or name another with --server ({detail})"
    )]
    Unreachable { server: String, detail: String },
    #[error("{}", status_sentence(.0))]
    Status(Box<Status>),
    #[error("the server ended its response too early; try again")]
    IncompleteResponse,
    #[error("the server sent a page token twice, so the list has no end")]
    RepeatedPage,
    #[error("cannot read standard input: {0}")]
    Stdin(io::Error),
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// The reader of standard output has closed it, as `head` does. This is no error.
    #[error("standard output is closed")]
    OutputClosed,
    #[error("the operating system refused a resource: {0}")]
    System(io::Error),
}

impl Failure {
    pub(crate) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::OutputClosed => ExitStatus::Success,
            Self::Server(_)
            | Self::Database(_)
            | Self::IncompleteResponse
            | Self::RepeatedPage
            | Self::Stdin(_)
            | Self::File { .. }
            | Self::Output(_)
            | Self::System(_) => ExitStatus::Failed,
            Self::Usage(_) => ExitStatus::Usage,
            Self::NotFound(_) => ExitStatus::NotFound,
            Self::AlreadyExists(_) | Self::ImportConflict(_) => ExitStatus::AlreadyExists,
            Self::InvalidInput(_) | Self::RowsRejected { .. } => ExitStatus::Invalid,
            Self::ImportStopped { cause, .. } => cause.exit_status(),
            Self::Interrupted(_) => ExitStatus::Interrupted,
            Self::Unreachable { .. } => ExitStatus::Unreachable,
            Self::Status(status) => match status.code() {
                Code::InvalidArgument => ExitStatus::Invalid,
                Code::Unavailable => ExitStatus::Unreachable,
                Code::Aborted => ExitStatus::Conflict,
                // tonic's client reports its own deadline as Cancelled.
                Code::DeadlineExceeded | Code::Cancelled => ExitStatus::DeadlineExceeded,
                _ => ExitStatus::Failed,
            },
        }
    }

    pub(crate) fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            error,
        }
    }

    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::Output(error)
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

/// Returns the status as a sentence, with one more line for each field of an invalid request.
fn status_sentence(status: &Status) -> String {
    let fields = status
        .get_details_bad_request()
        .map(|details| details.field_violations)
        .unwrap_or_default();
    match status.code() {
        Code::InvalidArgument if !fields.is_empty() => {
            let lines = fields.iter().map(|field| {
                format!(
                    "\n  {}: {}",
                    Escaped(&field.field),
                    Escaped(&field.description)
                )
            });
            format!(
                "the server refused the request:{}",
                lines.collect::<String>()
            )
        }
        Code::DeadlineExceeded | Code::Cancelled => {
            "the deadline passed; allow more time with --timeout".into()
        }
        code => format!(
            "the server answered {code:?}: {}",
            Escaped(status.message())
        ),
    }
}
