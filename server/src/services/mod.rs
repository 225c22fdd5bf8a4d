//! The RPCs: thin, each a rule of the contract over the store or the stage.

pub(crate) mod position;
pub(crate) mod status;
pub(crate) mod users;

mod import;
mod listing;
mod page_token;
mod stage_validation;
mod sync;
mod users_in_blocks;
