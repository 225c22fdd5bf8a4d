//! The selected users.

mod service;
mod state;

pub(super) use service::Selection;
