//! Importing users from a file that the reader chooses or drops on the page.

mod outcome;
mod pane;
mod run;
mod service;
mod state;
mod status;

pub(super) use pane::ImportPane;
pub(super) use service::Imports;
pub(super) use status::ImportStatus;
