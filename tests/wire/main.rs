//! Tests of the running server over real sockets: native gRPC, gRPC-Web, gRPC over WebSocket and plain HTTP.

mod calls_end;
mod changes;
mod directory;
mod grpc_web;
mod health;
mod holds;
mod page;
mod position;
mod protocol_limits;
mod reflection;
mod small_messages;
mod specification;
mod stage;
mod users;
mod websocket;
