import type { Client, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createClient } from "./client.js";
import { PositionService } from "./gen/position_pb.js";
import { UserManager } from "./gen/user_pb.js";
import { createWebSocketTransport, type WebSocketTransportOptions } from "./websocket-transport.js";

/** Options of {@link createTransport}. */
export interface TransportOptions extends WebSocketTransportOptions {
  /**
   * How calls travel. `"auto"`, the default, uses gRPC-Web for unary and server-streaming calls, and a WebSocket for
   * client-streaming and bidirectional calls. `"websocket"` uses a WebSocket for every call.
   */
  transport?: "auto" | "websocket";
  /** Replaces the global `fetch` for gRPC-Web. */
  fetch?: typeof globalThis.fetch;
}

/** Options of {@link connect}: {@link TransportOptions} without the address. */
export type ConnectOptions = Omit<TransportOptions, "baseUrl">;

/** The clients of both services. */
export interface Soundstage {
  /** The user directory. */
  users: Client<typeof UserManager>;
  /** The stage of characters. */
  stage: Client<typeof PositionService>;
}

/**
 * Creates the clients for a server by its address, such as `http://127.0.0.1:1234`. Opens no connection before the first
 * call.
 */
export function connect(baseUrl: string, options: ConnectOptions = {}): Soundstage {
  const transport = createTransport({ ...options, baseUrl });
  return {
    users: createClient(UserManager, transport),
    stage: createClient(PositionService, transport),
  };
}

/** Creates a transport for any Connect client: all four kinds of gRPC call in a browser. */
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
