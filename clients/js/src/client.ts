import type { DescService } from "@bufbuild/protobuf";
import { createClient as createConnectClient, type CallOptions, type Client, type Transport } from "@connectrpc/connect";

/** A method that answers with a stream, of whatever messages. */
type StreamingCall = (request: unknown, options?: CallOptions) => AsyncIterable<unknown>;

/**
 * A client as Connect's own `createClient` makes it, with one difference: who leaves a loop over answers, by `break`, `return` or
 * an exception, ends the call. With Connect's, it goes on until its signal is aborted, and holds a connection.
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
    const answers = call(request, { ...options, signal })[Symbol.asyncIterator]();
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => answers.next(),
        async return() {
          leaving.abort();
          return { done: true, value: undefined };
        },
      }),
    };
  };
}
