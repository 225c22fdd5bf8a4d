//! A [tonic](https://docs.rs/tonic) channel for browsers: all four kinds of gRPC call from Rust compiled to
//! WebAssembly.
//!
//! Browsers cannot send native gRPC. This crate carries the calls of tonic's generated clients by two protocols that
//! browsers can speak: **gRPC-Web** over `fetch`, and **`grpc-websockets`** over a WebSocket. With the second, requests
//! and responses flow at the same time, so client-streaming and bidirectional calls work as they do natively.
//!
//! # Example
//!
//! ```ignore
//! use soundstage_channel::Channel;
//!
//! let mut users = UserManagerClient::new(Channel::new("https://example.com"));
//!
//! // Unary, over `fetch`.
//! let response = users.get_user(UserRequest { id: 1 }).await?;
//!
//! // Bidirectional, over a WebSocket: the server responds to each id before the next is sent.
//! let (sender, ids) = futures_channel::mpsc::unbounded();
//! let mut found = users.get_users_by_ids(ids).await?.into_inner();
//! for id in [1, 2, 3] {
//!     sender.unbounded_send(UserRequest { id })?;
//!     let response = found.message().await?;
//! }
//! ```
//!
//! Any generated client works, if tonic generates it without its own transport (`build_transport(false)`) and with
//! tonic's default features off: tonic's native transport does not compile for `wasm32-unknown-unknown`.
//!
//! # Transports
//!
//! [`Channel::with_transport`] sets the transport of the calls:
//!
//! | transport | unary, server streaming | client streaming, bidirectional |
//! | --- | --- | --- |
//! | [`Transport::Auto`] (default) | gRPC-Web | WebSocket |
//! | [`Transport::GrpcWeb`] | gRPC-Web | gRPC-Web; sends all requests once the last is ready |
//! | [`Transport::WebSocket`] | WebSocket | WebSocket |
//!
//! - **gRPC-Web** needs a server that accepts `application/grpc-web+proto`, such as a server with `tonic-web`, or any
//!   server behind a gRPC-Web proxy. Over HTTP/1.1, browsers open at most six connections to a server, and each stream
//!   occupies one. HTTP/2 carries all streams over one connection.
//! - **WebSocket** needs a server that speaks the protocol `grpc-websockets`, as Soundstage and improbable-eng's
//!   `grpcwebproxy` do. Each call opens a WebSocket of its own.
//!
//! A tonic client does not tell a channel the kind of a call, so `Auto` looks at the requests: if the stream of
//! requests ends after at most one request, without waiting, the call goes over `fetch`. A client-streaming call with
//! one ready request therefore goes over `fetch` too.
//!
//! A page can call a server of another origin if the server allows the origin: by CORS headers for `fetch`, and by its
//! own check for WebSockets.
//!
//! # Metadata
//!
//! Request metadata is sent with either transport, binary values included. The channel sets `content-type`, and the
//! browser sets `user-agent`, so a caller's values of these two are not sent. `fetch` joins the values of a repeated
//! response header with commas; repeated trailers stay separate. The channel splits joined binary values again; a joined
//! text value stays as it is, since a text may contain commas.
//!
//! # Deadlines and cancellation
//!
//! A timeout (`Request::set_timeout`) goes to the server as `grpc-timeout`, and the channel enforces it too, for the
//! whole call: a stream ends with `DEADLINE_EXCEEDED` even if the server has stopped responding. Timeouts over 24 days
//! count as 24 days here, the limit of a browser's timer.
//!
//! Dropping a call, or its stream of responses, cancels the call: the fetch is aborted or the socket closed.
//!
//! # Limits
//!
//! | what | limit | past it |
//! | --- | --- | --- |
//! | a response message | [`DEFAULT_MAX_MESSAGE_SIZE`], or [`Channel::max_message_size`] | `RESOURCE_EXHAUSTED` |
//! | a block of headers or trailers | 64 KiB | `RESOURCE_EXHAUSTED` |
//! | responses on a WebSocket that wait to be read | 16 MiB | `RESOURCE_EXHAUSTED` |
//! | requests on a WebSocket that wait to be sent | 1 MiB | the request stream waits |
//!
//! A browser cannot slow down the sender of a WebSocket, so a caller that reads slowly should use gRPC-Web: with
//! `fetch`, the server waits.
//!
//! # Errors
//!
//! Every call ends with a status. A response that ends without a status is `INTERNAL`, and an HTTP error becomes the
//! status that gRPC defines for the error.
//!
//! If the connection fails, the source of the status is a [`Failure`], which tells whether the server can have received
//! the call. The code is `UNAVAILABLE`, unless the transport knows a more specific code.
//!
//! ```ignore
//! match users.add_user(user).await {
//!     Err(status) if Failure::of(&status) == Some(Failure::NeverReached) => { /* safe to repeat */ }
//!     other => { /* … */ }
//! }
//! ```
//!
//! # What it does not do
//!
//! - **Retry.** Only the caller knows which calls may be repeated.
//! - **Compress.** Requests are sent uncompressed, and tonic's decoder handles compressed responses.
//! - **Speak `application/grpc-web-text`.** Every current browser reads binary responses as they arrive.
//! - **Run outside a browser.** The crate compiles for every target, but the channel needs `fetch`, `WebSocket` and
//!   timers, of a window or a worker. Elsewhere, use tonic's own transport.
//!
//! The decoder is plain Rust: [`decode_response`] and [`Decoder`] work on every target, for tests, for fuzzing, and for
//! other transports. [`BytesCodec`] calls methods whose message types are not known.

mod browser;
mod bytes_codec;
mod decoder;
mod failure;
mod requests;
mod response;
mod timeout;

pub use browser::{Channel, Transport};
pub use bytes_codec::BytesCodec;
pub use decoder::{DEFAULT_MAX_MESSAGE_SIZE, DecodeError, Decoder, Frame};
pub use failure::Failure;
pub use response::{ResponseBody, code_of_http, decode_response, is_grpc_web};
