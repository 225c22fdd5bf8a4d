import type { DescService } from "@bufbuild/protobuf";
import { createClient as createConnectClient, type CallOptions, type Client, type Transport } from "@connectrpc/connect";

/** A method whose response is a stream. */
type StreamingCall = (request: unknown, options?: CallOptions) => AsyncIterable<unknown>;

/**
 * Creates a client as Connect's own `createClient` does, with one difference: leaving a loop over responses by `break`,
 * `return` or an exception ends the call. With Connect's client the call continues until its signal is aborted, and occupies
 * a connection.
 */
export function createClient<T extends DescService>(service: T, transport: Transport): Client<T> {
  const client = createConnectClient(service, transport);
  const calls = client as Record<string, StreamingCall>;
  for (const { localName, methodKind } of service.methods) {
    const call = calls[localName];
    if (call && (methodKind === "server_streaming" || methodKind === "bidi_streaming")) {
      calls[localName] = endWhenLeft(call);
    }
  }
  return client;
}

function endWhenLeft(call: StreamingCall): StreamingCall {
  return (request, options = {}) => {
    const leaving = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, leaving.signal]) : leaving.signal;
    const responses = call(request, { ...options, signal })[Symbol.asyncIterator]();
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => responses.next(),
        async return() {
          leaving.abort();
          return { done: true, value: undefined };
        },
      }),
    };
  };
}
