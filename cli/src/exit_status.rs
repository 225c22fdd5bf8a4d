//! The exit statuses. `--help` prints this list.

use std::process::ExitCode;

/// The status with which a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Success = 0,
    Failed = 1,
    /// clap ends with the same status if it cannot parse the arguments.
    Usage = 2,
    NotFound = 3,
    AlreadyExists = 4,
    Invalid = 5,
    Unreachable = 6,
    DeadlineExceeded = 7,
    Conflict = 8,
    /// 128 plus the number of SIGINT, as shells report it.
    Interrupted = 130,
}

impl ExitStatus {
    const ALL: [Self; 10] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Invalid,
        Self::Unreachable,
        Self::DeadlineExceeded,
        Self::Conflict,
        Self::Interrupted,
    ];

    const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "any other failure",
            Self::Usage => "wrong arguments",
            Self::NotFound => "no user has the id",
            Self::AlreadyExists => "the id is taken",
            Self::Invalid => "invalid input, or rejected rows",
            Self::Unreachable => "the server cannot be reached",
            Self::DeadlineExceeded => "the deadline passed",
            Self::Conflict => "the user has changed since the given revision",
            Self::Interrupted => "interrupted by Ctrl-C",
        }
    }

    /// Returns the list for `--help`.
    pub(crate) fn help() -> String {
        let lines =
            Self::ALL.map(|status| format!("\n  {:>3}  {}", status as u8, status.meaning()));
        format!("Exit status:{}", lines.concat())
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}
