//! The RPCs. Each method checks its request against the contract and calls the directory or the stage.

pub(crate) mod position;
pub(crate) mod status;
pub(crate) mod users;

mod import;
mod listing;
mod page_token;
mod stage_validation;
mod sync;
mod users_in_blocks;
