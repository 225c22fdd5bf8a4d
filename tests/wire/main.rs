//! The running server over the wire: native gRPC, gRPC-Web and plain HTTP, on real sockets.

mod calls_end;
mod changes;
mod directory;
mod grpc_web;
mod health;
mod page;
mod position;
mod protocol_limits;
mod reflection;
mod stage;
mod users;
mod websocket;
