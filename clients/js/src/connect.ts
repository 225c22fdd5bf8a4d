import type { DescMethodServerStreaming } from "@bufbuild/protobuf";
import type { Client, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createClient } from "./client.js";
import { PositionService } from "./gen/position_pb.js";
import { UserManager } from "./gen/user_pb.js";
import { grpcWebFetch } from "./grpc-web-fetch.js";
import { DEFAULT_MAX_MESSAGE_SIZE } from "./message-limit.js";
import { validTimeout } from "./timeout.js";
import { createWebSocketTransport, type WebSocketTransportOptions } from "./websocket-transport.js";

/** Options of {@link createTransport}. */
export interface TransportOptions extends WebSocketTransportOptions {
  /**
   * How calls travel. `"auto"`, the default, uses gRPC-Web for unary and server-streaming calls, and a WebSocket for
   * client-streaming calls, bidirectional calls and {@link longStreams}. `"websocket"` uses a WebSocket for every call.
   */
  transport?: "auto" | "websocket";
  /**
   * Server-streaming methods whose streams do not end by themselves. With `"auto"` they use a WebSocket if the runtime has
   * one: over HTTP/1.1 a browser opens at most six connections to a server, so six such streams over gRPC-Web would block
   * every further call. The caller must read as fast as the server sends. {@link connect} names those of Soundstage.
   */
  longStreams?: readonly DescMethodServerStreaming[];
  /** Replaces the global `fetch` for gRPC-Web. */
  fetch?: typeof globalThis.fetch;
}

/** Options of {@link connect}: {@link TransportOptions} without the address and the methods. */
export type ConnectOptions = Omit<TransportOptions, "baseUrl" | "longStreams">;

/** The methods of Soundstage whose streams do not end by themselves. */
const LONG_STREAMS = [UserManager.method.watchUsers, PositionService.method.positionSub];

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
  const transport = createTransport({ ...options, baseUrl, longStreams: LONG_STREAMS });
  return {
    users: createClient(UserManager, transport),
    stage: createClient(PositionService, transport),
  };
}

/** Creates a transport for any Connect client: all four kinds of gRPC call in a browser. */
export function createTransport(options: TransportOptions): Transport {
  const webSocket = createWebSocketTransport(options);
  if (options.transport === "websocket") return webSocket;
  const { maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE, fetch } = options;
  const grpcWeb = createGrpcWebTransport({
    ...options,
    defaultTimeoutMs: validTimeout(options.defaultTimeoutMs),
    fetch: grpcWebFetch(maxMessageSize, fetch),
  });
  const hasWebSocket = (options.webSocket ?? globalThis.WebSocket) !== undefined;
  const longStreams = new Set<object>(hasWebSocket ? options.longStreams : []);
  return {
    unary: (method, signal, timeoutMs, ...call) => grpcWeb.unary(method, signal, validTimeout(timeoutMs), ...call),
    stream: (method, signal, timeoutMs, ...call) => {
      const usesGrpcWeb = method.methodKind === "server_streaming" && !longStreams.has(method);
      return (usesGrpcWeb ? grpcWeb : webSocket).stream(method, signal, validTimeout(timeoutMs), ...call);
    },
  };
}
