//! The Soundstage server: one port for native gRPC, gRPC-Web, gRPC over WebSocket and the page.
//!
//! [`Server::bind`] opens the port, and [`Server::run`] serves until its shutdown future completes. Reading order:
//! `server` assembles the parts; `listener` accepts connections and `http` responds to their requests; `services`
//! implement the RPCs over the [`directory`] of users, which a [`store`] holds, and the `stage`.

mod connection;
pub mod directory;
mod http;
mod lifecycle;
mod limits;
mod listener;
mod server;
mod services;
mod settings;
mod stage;
pub mod store;

pub use server::{Server, ServerError};
pub use settings::Settings;
