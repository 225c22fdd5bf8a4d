import type {
  BinaryReadOptions,
  BinaryWriteOptions,
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextValues,
  type ContextValues,
  type Interceptor,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import {
  createClientMethodSerializers,
  createMethodUrl,
  encodeEnvelope,
  runStreamingCall,
  runUnaryCall,
} from "@connectrpc/connect/protocol";
import { requestHeader, trailerFlag, trailerParse, validateTrailer } from "@connectrpc/connect/protocol-grpc-web";
import { openCall, type WebSocketConstructor } from "./call.js";
import { DEFAULT_MAX_MESSAGE_SIZE } from "./message-limit.js";
import { validTimeout } from "./timeout.js";

/** Options of {@link createWebSocketTransport}. */
export interface WebSocketTransportOptions {
  /** The address of the server, such as `https://example.com`, with a path if the server has one. */
  baseUrl: string;
  /** Interceptors that run for every call, as with Connect's own transports. */
  interceptors?: Interceptor[];
  /** The timeout of calls that set none, in milliseconds. */
  defaultTimeoutMs?: number;
  /** How messages are encoded and decoded. */
  binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions>;
  /**
   * The largest response message, in bytes; 4 MiB by default. A larger message ends the call with `Code.ResourceExhausted`.
   */
  maxMessageSize?: number;
  /** Replaces the global `WebSocket`. Required in Node 20, for example with that of the package `ws`. */
  webSocket?: WebSocketConstructor;
}

/**
 * Creates a transport that carries each call over a WebSocket of its own, by the protocol `grpc-websockets`. All four kinds
 * of call work; requests and responses flow at the same time. Any server that speaks the protocol works.
 *
 * An aborted signal, a passed deadline, or leaving a loop over responses closes the socket, which ends the call at the server.
 * If the server is not reached, calls fail with a `ConnectError` of `Code.Unavailable`.
 */
export function createWebSocketTransport(options: WebSocketTransportOptions): Transport {
  /** Returns the deadline and the fields of a request that unary and streaming calls share. */
  function prepare<M extends DescMethodUnary | DescMethodStreaming>(
    method: M,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    contextValues: ContextValues | undefined,
  ) {
    // As in Connect, a timeout of 0 or less means no deadline.
    const deadline =
      timeoutMs === undefined ? validTimeout(options.defaultTimeoutMs) : timeoutMs > 0 ? validTimeout(timeoutMs) : undefined;
    const head = {
      service: method.parent,
      method,
      requestMethod: "POST",
      url: createMethodUrl(options.baseUrl, method),
      header: requestHeader(true, deadline, header, false),
      contextValues: contextValues ?? createContextValues(),
    };
    return { deadline, head };
  }

  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersInit | undefined,
      message: MessageInitShape<I>,
      contextValues?: ContextValues,
    ) {
      const { serialize, parse } = createClientMethodSerializers(method, true, undefined, options.binaryOptions);
      const { deadline, head } = prepare(method, timeoutMs, header, contextValues);
      return runUnaryCall({
        interceptors: options.interceptors,
        signal,
        timeoutMs: deadline,
        req: {
          stream: false,
          ...head,
          message,
        },
        next: async (request): Promise<UnaryResponse<I, O>> => {
          const requests = single(encodeEnvelope(0, serialize(request.message)));
          const response = await begin(request, requests, options, parse);
          const [first, ...more] = await all(response.messages);
          if (first === undefined) throw new ConnectError("missing message", Code.Unimplemented);
          if (more.length > 0) throw new ConnectError("extra message", Code.Unimplemented);
          const { header, trailer } = response;
          return { stream: false, service: method.parent, method, header, trailer, message: first };
        },
      });
    },

    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersInit | undefined,
      input: AsyncIterable<MessageInitShape<I>>,
      contextValues?: ContextValues,
    ) {
      const { serialize, parse } = createClientMethodSerializers(method, true, undefined, options.binaryOptions);
      const { deadline, head } = prepare(method, timeoutMs, header, contextValues);
      return runStreamingCall({
        interceptors: options.interceptors,
        signal,
        timeoutMs: deadline,
        req: {
          stream: true,
          ...head,
          message: returnedOnce(input),
        },
        next: async (request): Promise<StreamResponse<I, O>> => {
          const requests = encoded(request.message, serialize);
          const response = await begin(request, requests, options, parse);
          return { ...request, header: response.header, trailer: response.trailer, message: response.messages };
        },
      });
    },
  };
}

/** The response side of a call. */
interface CallResponse<O> {
  header: Headers;
  /** The trailers. Empty until the messages have ended. */
  trailer: Headers;
  messages: AsyncGenerator<O>;
}

/** Opens a call, and reads the headers of the response. */
async function begin<O>(
  request: { url: string; header: Headers; signal: AbortSignal },
  requests: AsyncIterable<Uint8Array>,
  options: WebSocketTransportOptions,
  parse: (data: Uint8Array) => O,
): Promise<CallResponse<O>> {
  const { maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE, webSocket } = options;
  const frames = await openCall(request.url, request.header, requests, request.signal, maxMessageSize, webSocket);
  const first = await frames.next();
  if (first.done || first.value.flags !== trailerFlag) {
    await frames.return();
    throw new ConnectError("protocol error: the response begins without headers", Code.Internal);
  }
  const header = trailerParse(first.value.data);
  const trailer = new Headers();
  // The only block of a trailers-only response is in `header`.
  if (header.has("grpc-status")) {
    await frames.return();
    validateTrailer(header, new Headers());
  }

  async function* messages() {
    try {
      let hasEnded = header.has("grpc-status");
      for await (const { flags, data } of frames) {
        if (hasEnded) throw new ConnectError("protocol error: data after the trailers", Code.Internal);
        if (flags === trailerFlag) {
          const block = trailerParse(data);
          validateTrailer(block, header);
          block.forEach((value, name) => trailer.set(name, value));
          hasEnded = true;
        } else if (flags === 0) {
          yield parse(data);
        } else {
          throw new ConnectError(`protocol error: unknown flags ${flags}`, Code.Internal);
        }
      }
      if (!hasEnded) throw new ConnectError("protocol error: missing trailer", Code.Internal);
    } finally {
      // Closes the socket if the caller leaves the loop.
      await frames.return();
    }
  }
  return { header, trailer, messages: messages() };
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list = [];
  for await (const value of values) list.push(value);
  return list;
}

/**
 * Returns the same requests with one iterator, whose `return` is called once. When a call ends, Connect returns an iterator
 * that it asks the iterable for anew; if the iterable is no generator, that is not the iterator that was read.
 */
function returnedOnce<T>(requests: AsyncIterable<T>): AsyncIterable<T> {
  let iterator: AsyncIterator<T> | undefined;
  let hasReturned = false;
  const source = () => (iterator ??= requests[Symbol.asyncIterator]());
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => source().next(),
      async return() {
        if (!hasReturned) {
          hasReturned = true;
          await source().return?.();
        }
        return { done: true, value: undefined };
      },
    }),
  };
}

async function* single<T>(value: T) {
  yield value;
}

async function* encoded<T>(messages: AsyncIterable<T>, serialize: (message: T) => Uint8Array) {
  for await (const message of messages) yield encodeEnvelope(0, serialize(message));
}
