import { Code, ConnectError } from "@connectrpc/connect";
import type { EnvelopedMessage } from "@connectrpc/connect/protocol";
import { checkLength, PREFIX } from "./message-limit.js";

/** The most bytes of a response that wait to be read. A WebSocket cannot be paused, so past this limit the call ends. */
const MAX_UNREAD = 16 * 1024 * 1024;

/** A frame that waits to be read. */
interface Unread {
  frame: EnvelopedMessage;
  next?: Unread;
}

/**
 * The frames of a response, in order. Decodes chunks of any size as they arrive. Not a `ReadableStream`: the streams from the
 * socket to the caller would take longer than all other work of a call.
 */
export class ResponseFrames implements AsyncIterableIterator<EnvelopedMessage, void> {
  readonly #limit: number;
  readonly #close: () => void;
  readonly #prefix = new Uint8Array(PREFIX);
  #prefixLength = 0;
  /** The frame that has its prefix and lacks content. */
  #partial: EnvelopedMessage | undefined;
  /** The number of bytes of the content of `#partial`. */
  #filled = 0;
  #first: Unread | undefined;
  #last: Unread | undefined;
  /** The number of bytes that wait to be read. */
  #unread = 0;
  /** The caller that waits for a frame. */
  #reader: { resolve: (result: IteratorResult<EnvelopedMessage, void>) => void; reject: (error: unknown) => void } | undefined;
  #hasEnded = false;
  #error: { reason: unknown } | undefined;

  /** Accepts frames of at most `limit` bytes. Calls `close` once no more bytes are needed. */
  constructor(limit: number, close: () => void) {
    this.#limit = limit;
    this.#close = close;
  }

  /** Adds a chunk of the response. Does nothing after the end. */
  push(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    if (!this.#reader && this.#unread + chunk.length > MAX_UNREAD) {
      return this.abort(new ConnectError("responses arrive faster than the caller reads them", Code.ResourceExhausted));
    }
    this.#unread += chunk.length;
    try {
      this.#decode(chunk);
    } catch (error) {
      this.fail(error);
    }
  }

  #decode(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#partial) {
        const { data } = this.#partial;
        const part = chunk.subarray(at, at + data.length - this.#filled);
        data.set(part, this.#filled);
        this.#filled += part.length;
        at += part.length;
        if (this.#filled < data.length) return;
        this.#deliver(this.#partial);
        this.#partial = undefined;
        continue;
      }
      this.#prefix[this.#prefixLength++] = chunk[at++]!;
      if (this.#prefixLength < PREFIX) continue;
      this.#prefixLength = 0;
      const flags = this.#prefix[0]!;
      const length = checkLength(this.#prefix, this.#limit);
      if (chunk.length - at < length) {
        this.#partial = { flags, data: new Uint8Array(length) };
        this.#filled = 0;
      } else {
        this.#deliver({ flags, data: chunk.subarray(at, at + length) });
        at += length;
      }
    }
  }

  #deliver(frame: EnvelopedMessage): void {
    if (this.#reader) {
      this.#unread -= PREFIX + frame.data.length;
      this.#reader.resolve({ done: false, value: frame });
      this.#reader = undefined;
      return;
    }
    const unread = { frame };
    if (this.#last) this.#last.next = unread;
    else this.#first = unread;
    this.#last = unread;
  }

  /** Ends the response: after the frames that wait, the caller reads the end. */
  end(): void {
    if (this.#partial || this.#prefixLength > 0) {
      return this.fail(new ConnectError("protocol error: the response ends within a frame", Code.Internal));
    }
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#reader?.resolve({ done: true, value: undefined });
    this.#reader = undefined;
  }

  /** Ends the response with an error, which the caller reads after the frames that wait. */
  fail(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#error = { reason };
    this.#reader?.reject(reason);
    this.#reader = undefined;
    this.#close();
  }

  /** Ends the response with an error, and drops the frames that wait. */
  abort(reason: unknown): void {
    if (!this.#hasEnded) this.#first = this.#last = this.#partial = undefined;
    this.fail(reason);
  }

  /** Waits for the next frame. */
  next(): Promise<IteratorResult<EnvelopedMessage, void>> {
    if (this.#first) {
      const { frame, next } = this.#first;
      this.#first = next;
      if (!next) this.#last = undefined;
      this.#unread -= PREFIX + frame.data.length;
      return Promise.resolve({ done: false, value: frame });
    }
    if (this.#error) return Promise.reject(this.#error.reason);
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.#reader = { resolve, reject }));
  }

  /** Ends the response. Further chunks are dropped. */
  async return(): Promise<IteratorReturnResult<void>> {
    this.#first = this.#last = undefined;
    this.#hasEnded = true;
    this.#reader?.resolve({ done: true, value: undefined });
    this.#reader = undefined;
    this.#close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
