/**
 * Typed clients for Soundstage, and a WebSocket transport for Connect: all four kinds of gRPC call in a browser.
 *
 * Most programs need only {@link connect}. For a Connect client of another service, use {@link createTransport} or
 * {@link createWebSocketTransport}.
 */
export { createClient } from "./client.js";
export { connect, createTransport, type ConnectOptions, type Soundstage, type TransportOptions } from "./connect.js";
export { createWebSocketTransport, type WebSocketTransportOptions } from "./websocket-transport.js";
export type { WebSocketConstructor, WebSocketLike } from "./call.js";
export { fieldErrors, type FieldError } from "./field-errors.js";
export * from "./gen/position_pb.js";
export * from "./gen/user_pb.js";
export { Code, ConnectError } from "@connectrpc/connect";
