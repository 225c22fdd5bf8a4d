import { Code, ConnectError } from "@connectrpc/connect";
import { limitMessages } from "./message-limit.js";

type Fetch = typeof globalThis.fetch;

/**
 * Returns a `fetch` for Connect's gRPC-Web transport, with two differences. A lost connection is `Code.Unavailable`, as over
 * a WebSocket; Connect reports `Code.Unknown`. A message of more than `maxMessageSize` bytes is `Code.ResourceExhausted`;
 * Connect has no limit.
 */
export function grpcWebFetch(maxMessageSize: number, fetch?: Fetch): Fetch {
  return async (input, init) => {
    const send = fetch ?? globalThis.fetch;
    const signal = init?.signal;
    const response = await send(input, init).catch((error: unknown) => {
      throw lost(error, signal, "the server was not reached");
    });
    if (!response.body) return response;
    const body = limitMessages(failing(response.body, signal), maxMessageSize);
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

/** Passes bytes on. Fails as a call fails. */
function failing(bytes: ReadableStream<Uint8Array>, signal: AbortSignal | null | undefined): ReadableStream<Uint8Array> {
  const reader = bytes.getReader();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw lost(error, signal, "the connection was lost");
      });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** Returns the error of a call whose connection failed. `fetch` reports a failed connection as a `TypeError`. */
function lost(error: unknown, signal: AbortSignal | null | undefined, message: string): unknown {
  if (signal?.aborted || !(error instanceof TypeError)) return error;
  return new ConnectError(message, Code.Unavailable, undefined, undefined, error);
}
