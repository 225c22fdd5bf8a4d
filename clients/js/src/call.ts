import { Code, ConnectError } from "@connectrpc/connect";
import { ResponseFrames } from "./response-frames.js";

/** The part of the interface of a WebSocket that the transport uses. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly OPEN: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

/** Creates a WebSocket: the global `WebSocket`, the class of the package `ws`, or another with the same interface. */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike;

/** The tag of a message with bytes of the request. */
const DATA = 0;
/** The tag of the message that ends the requests. */
const HALF_CLOSE = 1;

/** The most bytes of a request in one WebSocket message. Servers limit the size of messages. */
const MAX_CHUNK = 32 * 1024;

/** The most bytes that wait to be sent before the next request waits. */
const HIGH_WATER = 1024 * 1024;
/** How often to check the bytes that wait: a WebSocket has no event for it. */
const DRAIN_INTERVAL_MS = 10;

/** The close code of a completed call (RFC 6455, section 7.4.1). */
const NORMAL_CLOSURE = 1000;
/** The statuses of close codes that mean more than a lost connection. */
const CLOSE_CODES: Record<number, Code> = {
  1002: Code.Internal,
  1003: Code.Internal,
  1008: Code.Internal,
  1009: Code.ResourceExhausted,
};

/**
 * Makes a call over a WebSocket of its own: sends the headers, and then the requests as they become ready. Returns the
 * frames of the response, each of at most `maxMessageSize` bytes. Returning the iterator closes the socket.
 *
 * @throws ConnectError with `Code.Unavailable` if the server is not reached, and with `Code.Unimplemented` if there is no
 * WebSocket
 */
export async function openCall(
  url: string,
  header: Headers,
  requests: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  maxMessageSize: number,
  WebSocketImplementation: WebSocketConstructor | undefined = globalThis.WebSocket,
): Promise<ResponseFrames> {
  if (!WebSocketImplementation) {
    throw new ConnectError("this runtime has no WebSocket; pass one as the option `webSocket`", Code.Unimplemented);
  }
  signal.throwIfAborted();
  const socket = new WebSocketImplementation(url.replace(/^http/, "ws"), "grpc-websockets");
  socket.binaryType = "arraybuffer";
  const frames = receive(socket, signal, maxMessageSize);
  await opened(socket, signal);
  socket.send(new TextEncoder().encode([...header].map(([name, value]) => `${name}: ${value}\r\n`).join("")));
  void send(socket, requests, frames);
  return frames;
}

/** Waits until the socket is open. */
async function opened(socket: WebSocketLike, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", () => {
      reject(signal.aborted ? signal.reason : new ConnectError("the server was not reached", Code.Unavailable));
    });
  });
}

/** Returns the frames that arrive, until the socket closes or the signal aborts. */
function receive(socket: WebSocketLike, signal: AbortSignal, maxMessageSize: number): ResponseFrames {
  const frames = new ResponseFrames(maxMessageSize, () => socket.close());
  const abort = () => frames.abort(signal.reason);
  signal.addEventListener("abort", abort);
  socket.addEventListener("message", ({ data }) => {
    if (data instanceof ArrayBuffer) frames.push(new Uint8Array(data));
    else frames.fail(new ConnectError("protocol error: the server sent text", Code.Internal));
  });
  // A close event follows, with all that is known. Without a handler, the package `ws` would throw.
  socket.addEventListener("error", () => {});
  socket.addEventListener("close", ({ code, reason }) => {
    signal.removeEventListener("abort", abort);
    if (code === NORMAL_CLOSURE) return frames.end();
    const detail = reason ? `: ${reason}` : "";
    frames.fail(new ConnectError(`the connection was lost${detail}`, CLOSE_CODES[code] ?? Code.Unavailable));
  });
  return frames;
}

/**
 * Sends the requests as they become ready, no faster than the socket sends them. If the caller's iterable throws, the response
 * fails with that exception.
 */
async function send(socket: WebSocketLike, requests: AsyncIterable<Uint8Array>, frames: ResponseFrames): Promise<void> {
  try {
    for await (const request of requests) {
      for (let start = 0; start < request.length; start += MAX_CHUNK) {
        const chunk = request.subarray(start, start + MAX_CHUNK);
        const message = new Uint8Array(1 + chunk.length);
        message[0] = DATA;
        message.set(chunk, 1);
        while (socket.bufferedAmount > HIGH_WATER && socket.readyState === socket.OPEN) {
          await new Promise((resolve) => setTimeout(resolve, DRAIN_INTERVAL_MS));
        }
        // Returning ends the caller's generator, which can then clean up.
        if (socket.readyState !== socket.OPEN) return;
        socket.send(message);
      }
    }
    if (socket.readyState === socket.OPEN) socket.send(Uint8Array.of(HALF_CLOSE));
  } catch (thrown) {
    frames.fail(thrown);
  }
}
