//! The RPCs: thin, each a rule of the contract over the store or the stage.

pub(crate) mod position;
pub(crate) mod status;
pub(crate) mod users;

mod page_token;
