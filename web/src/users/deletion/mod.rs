//! Deleting users, and undoing that.

mod notice;
mod service;
mod state;

pub(super) use notice::DeletionNotice;
pub(super) use service::Deletions;
