import { Code, ConnectError } from "@connectrpc/connect";
import { createEnvelopeReadableStream, type EnvelopedMessage } from "@connectrpc/connect/protocol";
import { limitMessages } from "./message-limit.js";

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

/** The most bytes of a response that wait to be read. A WebSocket cannot be paused, so past this limit the call ends. */
const MAX_UNREAD = 16 * 1024 * 1024;

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
 * Makes a call over a WebSocket of its own: sends the headers, and then the requests as they become ready. Yields the frames
 * of the response as they arrive, each of at most `maxMessageSize` bytes. Returning the generator closes the socket.
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
): Promise<AsyncGenerator<EnvelopedMessage, void>> {
  if (!WebSocketImplementation) {
    throw new ConnectError("this runtime has no WebSocket; pass one as the option `webSocket`", Code.Unimplemented);
  }
  signal.throwIfAborted();
  const socket = new WebSocketImplementation(url.replace(/^http/, "ws"), "grpc-websockets");
  socket.binaryType = "arraybuffer";
  const bytes = receive(socket, signal);
  await opened(socket, signal);
  socket.send(new TextEncoder().encode([...header].map(([name, value]) => `${name}: ${value}\r\n`).join("")));
  const failure = send(socket, requests);
  return frames(socket, limitMessages(bytes, maxMessageSize), failure);
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

/** Returns the bytes that arrive, until the socket closes or the signal aborts. */
function receive(socket: WebSocketLike, signal: AbortSignal): ReadableStream<Uint8Array> {
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start(controller) {
      let hasEnded = false;
      const end = (error?: unknown) => {
        if (hasEnded) return;
        hasEnded = true;
        signal.removeEventListener("abort", abort);
        if (error === undefined) controller.close();
        else controller.error(error);
      };
      const abort = () => {
        end(signal.reason);
        socket.close();
      };
      signal.addEventListener("abort", abort);
      socket.addEventListener("message", ({ data }) => {
        if (hasEnded) return;
        if (!(data instanceof ArrayBuffer)) {
          end(new ConnectError("protocol error: the server sent text", Code.Internal));
          socket.close();
        } else if ((controller.desiredSize ?? 0) < data.byteLength) {
          end(new ConnectError("responses arrive faster than the caller reads them", Code.ResourceExhausted));
          socket.close();
        } else {
          controller.enqueue(new Uint8Array(data));
        }
      });
      // A close event follows, with all that is known. Without a handler, the package `ws` would throw.
      socket.addEventListener("error", () => {});
      socket.addEventListener("close", ({ code, reason }) => {
        if (code === NORMAL_CLOSURE) return end();
        const detail = reason ? `: ${reason}` : "";
        end(new ConnectError(`the connection was lost${detail}`, CLOSE_CODES[code] ?? Code.Unavailable));
      });
    },
    cancel: () => socket.close(),
  };
  return new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD }));
}

/**
 * Sends the requests as they become ready, no faster than the socket sends them. Resolves to the exception of the caller's
 * iterable, if there is one.
 */
async function send(socket: WebSocketLike, requests: AsyncIterable<Uint8Array>): Promise<{ thrown: unknown } | undefined> {
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
        if (socket.readyState !== socket.OPEN) return undefined;
        socket.send(message);
      }
    }
    if (socket.readyState === socket.OPEN) socket.send(Uint8Array.of(HALF_CLOSE));
    return undefined;
  } catch (thrown) {
    socket.close();
    return { thrown };
  }
}

/** Decodes the bytes into frames. Closes the socket at the end. */
async function* frames(
  socket: WebSocketLike,
  bytes: ReadableStream<Uint8Array>,
  failure: Promise<{ thrown: unknown } | undefined>,
): AsyncGenerator<EnvelopedMessage, void> {
  const reader = createEnvelopeReadableStream(bytes).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(async (error: unknown) => {
        // If the caller's requests threw, the call fails with their exception.
        const own = await Promise.race([failure, undefined]);
        throw own ? own.thrown : error;
      });
      if (done) return;
      yield value;
    }
  } finally {
    socket.close();
    reader.cancel().catch(() => {});
  }
}
