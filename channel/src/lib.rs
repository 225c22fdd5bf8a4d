//! A tonic channel for browsers. Put it under the clients that tonic generates, and all four kinds of call work:
//!
//! ```ignore
//! let mut users = UserManagerClient::new(Channel::new("https://example.com"));
//! let user = users.get_user(UserRequest { id: 1 }).await?;
//! ```
//!
//! A call whose requests are all there when it begins (unary, server streaming) goes as gRPC-Web over `fetch`. One whose
//! requests come while answers do (client streaming, bidirectional) goes over a WebSocket of its own, by the protocol
//! `grpc-websockets`. [`Channel::over`] chooses one for everything.
//!
//! - Dropping a call, or its stream of answers, cancels it.
//! - A deadline (`Request::set_timeout`) goes to the server and holds here as well.
//! - A message may have [`DEFAULT_MAX_MESSAGE_SIZE`] bytes, or as many as [`Channel::max_message_size`] says.
//! - A call without an answer fails with `UNAVAILABLE`, and [`Failure::of`] tells whether it can have reached the server.
//!   To try again is the caller's to decide.
//!
//! What reads the answers ([`Decoder`], [`decode_response`]) is plain Rust and works everywhere, for tests, fuzzing, and those who
//! bring their own transport. The channel itself compiles everywhere, and needs a browser, or a worker of one, to run.

mod browser;
mod bytes_codec;
mod decoder;
mod failure;
mod requests;
mod response;
mod timeout;

pub use browser::{Channel, Transport};
pub use bytes_codec::BytesCodec;
pub use decoder::{DecodeError, Decoder, Frame};
pub use failure::Failure;
pub use response::{ResponseBody, decode_response};

/// The largest answer message, in bytes, unless the channel is told otherwise. What tonic allows too.
pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 4 * 1024 * 1024;
