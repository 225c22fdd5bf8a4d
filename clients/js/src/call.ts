import { Code, ConnectError } from "@connectrpc/connect";
import { createEnvelopeReadableStream, type EnvelopedMessage } from "@connectrpc/connect/protocol";

/** Creates a WebSocket: the global `WebSocket`, or a class with the same interface. */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocket;

/** What the byte before a message of the socket says. */
const DATA = 0;
const HALF_CLOSE = 1;

/** The longest piece of a request that goes in one message of the socket, in bytes; servers limit them. */
const MAX_PIECE = 32 * 1024;

/** Bytes that may wait to be sent; past it, the next request waits. */
const HIGH_WATER = 1024 * 1024;
/** How often to look whether they have left; a WebSocket does not tell. */
const DRAIN_INTERVAL_MS = 10;

/** Bytes of an answer that may wait to be read. A WebSocket cannot be told to take no more, so past it the call ends. */
const MAX_UNREAD = 16 * 1024 * 1024;

/** Codes of a closed WebSocket (RFC 6455, section 7.4.1) that are not just a lost connection. */
const NORMAL_CLOSURE = 1000;
const CLOSE_CODES: Record<number, Code> = {
  1002: Code.Internal,
  1003: Code.Internal,
  1008: Code.Internal,
  1009: Code.ResourceExhausted,
};

/**
 * Makes a call over a socket of its own: sends the headers, then the requests as they come, and gives the frames of the
 * answer as they come. To return the generator closes the socket.
 *
 * @throws ConnectError with `Code.Unavailable` if the server is not reached
 */
export async function openCall(
  url: string,
  header: Headers,
  requests: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  WebSocketImplementation: WebSocketConstructor = globalThis.WebSocket,
): Promise<AsyncGenerator<EnvelopedMessage, void>> {
  if (!WebSocketImplementation) {
    throw new ConnectError("there is no WebSocket here; pass one as the option `webSocket`", Code.Unimplemented);
  }
  signal.throwIfAborted();
  const socket = new WebSocketImplementation(url.replace(/^http/, "ws"), "grpc-websockets");
  socket.binaryType = "arraybuffer";
  const bytes = received(socket, signal);
  await opened(socket, signal);
  socket.send(new TextEncoder().encode([...header].map(([name, value]) => `${name}: ${value}\r\n`).join("")));
  const failure = send(socket, requests);
  return frames(socket, bytes, failure);
}

/** Waits until the socket is open. */
async function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", () => {
      reject(signal.aborted ? signal.reason : new ConnectError("the server was not reached", Code.Unavailable));
    });
  });
}

/** What arrives, until the socket is closed or the signal aborted. */
function received(socket: WebSocket, signal: AbortSignal): ReadableStream<Uint8Array> {
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
        if ((controller.desiredSize ?? 0) < data.byteLength) {
          end(new ConnectError("answers come faster than they are read", Code.ResourceExhausted));
          socket.close();
        } else {
          controller.enqueue(new Uint8Array(data));
        }
      });
      // It comes before a close, and says nothing that the close does not.
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

/** Sends the requests as they come, not faster than they leave. Resolves to what the caller's requests threw, if they did. */
async function send(socket: WebSocket, requests: AsyncIterable<Uint8Array>): Promise<{ thrown: unknown } | undefined> {
  try {
    for await (const request of requests) {
      for (let start = 0; start < request.length; start += MAX_PIECE) {
        const piece = request.subarray(start, start + MAX_PIECE);
        const message = new Uint8Array(1 + piece.length);
        message[0] = DATA;
        message.set(piece, 1);
        while (socket.bufferedAmount > HIGH_WATER && socket.readyState === socket.OPEN) {
          await new Promise((resolve) => setTimeout(resolve, DRAIN_INTERVAL_MS));
        }
        // Leaving the loop lets the caller's generator clean up.
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

async function* frames(
  socket: WebSocket,
  bytes: ReadableStream<Uint8Array>,
  failure: Promise<{ thrown: unknown } | undefined>,
): AsyncGenerator<EnvelopedMessage, void> {
  const reader = createEnvelopeReadableStream(bytes).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(async (error: unknown) => {
        // A call that the caller's own requests ended fails with what they threw.
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
