import type { Client, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createClient } from "./client.js";
import { PositionService } from "./gen/position_pb.js";
import { UserManager } from "./gen/user_pb.js";
import { createWebSocketTransport, type WebSocketTransportOptions } from "./websocket-transport.js";

/** How calls are carried. */
export interface TransportOptions extends WebSocketTransportOptions {
  /**
   * `"websocket"` carries every call over a WebSocket. The default, `"by-call"`, carries those with one request by gRPC-Web,
   * and only client-streaming and bidirectional ones over a WebSocket.
   */
  transport?: "by-call" | "websocket";
  /** The function that gRPC-Web calls instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** {@link TransportOptions} without the address. */
export type ConnectOptions = Omit<TransportOptions, "baseUrl">;

/** The clients of both services. */
export interface Soundstage {
  /** The directory of users. */
  users: Client<typeof UserManager>;
  /** The stage of characters. */
  stage: Client<typeof PositionService>;
}

/**
 * Clients for a server by its address, such as `http://127.0.0.1:1234`. Nothing is opened before the first call.
 */
export function connect(baseUrl: string, options: ConnectOptions = {}): Soundstage {
  const transport = createTransport({ ...options, baseUrl });
  return {
    users: createClient(UserManager, transport),
    stage: createClient(PositionService, transport),
  };
}

/** A transport for any Connect client that gives a browser all four kinds of call. */
export function createTransport(options: TransportOptions): Transport {
  const webSocket = createWebSocketTransport(options);
  if (options.transport === "websocket") return webSocket;
  const grpcWeb = createGrpcWebTransport(options);
  return {
    unary: (...call) => grpcWeb.unary(...call),
    stream: (method, ...call) =>
      (method.methodKind === "server_streaming" ? grpcWeb : webSocket).stream(method, ...call),
  };
}
