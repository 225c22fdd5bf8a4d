//! What can go wrong on the command line: a sentence for people, an exit status for scripts.

use std::io;
use std::path::{Path, PathBuf};

use soundstage_server::ServerError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Part of `--help`.
pub(crate) const EXIT_STATUS_HELP: &str = "Exit status: 0 done; 1 failed; 2 wrong usage; 3 not found; 4 already there; \
    5 refused as not valid; 6 server not reachable; 7 deadline passed; 8 changed meanwhile; 130 interrupted";

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("no user has the id {0}")]
    NotFound(u32),
    #[error("the id {0} is taken; choose another, or leave --id out and the server picks one")]
    AlreadyExists(u32),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    BadInput(String),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{0}")]
    Conflict(String),
    #[error("{0} rows were refused; mend them in {1} and import that")]
    RowsRefused(u32, String),
    #[error("{1}; everything up to line {0} is stored")]
    Stopped(u32, #[source] Box<Failure>),
    #[error("interrupted; {0}")]
    Interrupted(String),
    #[error(
        "no server answers at {server}; start one with `soundstage serve`, or name another with --server ({detail})"
    )]
    Unreachable { server: String, detail: String },
    #[error("{}", sentence(.0))]
    Refused(Box<Status>),
    #[error("the server broke off its answer")]
    IncompleteAnswer,
    #[error("cannot read the ids: {0}")]
    Input(io::Error),
    #[error("cannot read standard input: {0}")]
    Stdin(io::Error),
    #[error("cannot write the answer: {0}")]
    Output(io::Error),
    #[error("the output was closed")]
    OutputClosed,
    #[error("the system refused what the program needs: {0}")]
    System(io::Error),
}

impl Failure {
    /// As [`EXIT_STATUS_HELP`] has it.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Server(_)
            | Self::IncompleteAnswer
            | Self::Input(_)
            | Self::Stdin(_)
            | Self::File { .. }
            | Self::Output(_)
            | Self::System(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::AlreadyExists(_) | Self::Conflict(_) => 4,
            Self::BadInput(_) | Self::RowsRefused(..) => 5,
            Self::Stopped(_, failure) => failure.exit_status(),
            Self::Interrupted(_) => 130,
            Self::Unreachable { .. } => 6,
            Self::Refused(status) => match status.code() {
                Code::InvalidArgument => 5,
                Code::Unavailable => 6,
                Code::Aborted => 8,
                // tonic's client says Cancelled for its own deadline.
                Code::DeadlineExceeded | Code::Cancelled => 7,
                _ => 1,
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
        Self::Refused(Box::new(status))
    }
}

/// The status as a sentence; a refused message has one line for each field.
fn sentence(status: &Status) -> String {
    let fields = status
        .get_details_bad_request()
        .map(|details| details.field_violations)
        .unwrap_or_default();
    match status.code() {
        Code::InvalidArgument if !fields.is_empty() => {
            let lines = fields
                .iter()
                .map(|field| format!("\n  {}: {}", field.field, field.description));
            format!(
                "the server refused the request:{}",
                lines.collect::<String>()
            )
        }
        Code::DeadlineExceeded | Code::Cancelled => {
            "the deadline has passed; give more time with --timeout".into()
        }
        code => format!("the server answered {code:?}: {}", status.message()),
    }
}
