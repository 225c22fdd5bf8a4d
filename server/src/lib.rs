//! The Soundstage server: one port for native gRPC, gRPC-Web and the page.
//!
//! [`Server::bind`] takes the port, [`Server::run`] serves until it is told to stop. Reading order: `server` puts
//! the parts together; `listener` accepts connections and `http` answers their requests; `services` are the RPCs
//! over the [`directory`] of users, which a [`store`] holds, and the `stage`.

pub mod directory;
mod http;
mod lifecycle;
mod listener;
mod server;
mod services;
mod settings;
mod stage;
pub mod store;

pub use server::{Server, ServerError};
pub use settings::Settings;
