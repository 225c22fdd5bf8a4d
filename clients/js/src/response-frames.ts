import { Code, ConnectError } from "@connectrpc/connect";
import type { EnvelopedMessage } from "@connectrpc/connect/protocol";
import { checkLength, PREFIX } from "./message-limit.js";

/**
 * The most bytes that the unread chunks of a response take in memory. A WebSocket cannot be paused, so past this limit the call
 * ends.
 */
const MAX_UNREAD = 16 * 1024 * 1024;

/** The memory that an unread chunk takes besides its content, in bytes. In Node, 224 of them are on the heap. */
const CHUNK_OVERHEAD = 256;

/** A chunk of which some bytes are unread. */
interface Unread {
  chunk: Uint8Array;
  next: Unread | undefined;
}

type Result = IteratorResult<EnvelopedMessage, void>;

/**
 * The frames of a response, in order. Accepts chunks of any size, and decodes a frame when the caller reads it: a decoded frame
 * takes about 200 bytes besides its content, and a chunk can have many small frames. Not a `ReadableStream`: the streams from
 * the socket to the caller would take longer than all other work of a call.
 */
export class ResponseFrames implements AsyncIterableIterator<EnvelopedMessage, void> {
  readonly #limit: number;
  readonly #close: () => void;
  /** The chunks with unread bytes. None while `#reader` waits. */
  #first: Unread | undefined;
  #last: Unread | undefined;
  /** The number of bytes of `#first` that have been decoded. */
  #at = 0;
  /** The number of bytes that the unread chunks take. */
  #unread = 0;
  readonly #prefix = new Uint8Array(PREFIX);
  #prefixLength = 0;
  /** The frame that has its prefix and lacks content. */
  #partial: EnvelopedMessage | undefined;
  /** The number of bytes of the content of `#partial`. */
  #filled = 0;
  /** Resolves the promise of the caller that waits for a frame. */
  #reader: ((result: Result | Promise<Result>) => void) | undefined;
  #hasEnded = false;
  /** The error that the caller reads after the frames. */
  #error: { reason: unknown } | undefined;

  /** Accepts frames of at most `limit` bytes. Calls `close` once no more bytes are needed. */
  constructor(limit: number, close: () => void) {
    this.#limit = limit;
    this.#close = close;
  }

  /** Adds a chunk of the response. Does nothing after the end. */
  push(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    const size = chunk.length + CHUNK_OVERHEAD;
    if (!this.#reader && this.#unread + size > MAX_UNREAD) {
      return this.abort(new ConnectError("responses arrive faster than the caller reads them", Code.ResourceExhausted));
    }
    this.#unread += size;
    const unread = { chunk, next: undefined };
    if (this.#last) this.#last.next = unread;
    else this.#first = unread;
    this.#last = unread;
    if (!this.#reader) return;
    try {
      const frame = this.#decode();
      if (frame) this.#respond({ done: false, value: frame });
    } catch (error) {
      this.abort(error);
    }
  }

  /** Decodes the next frame. Returns nothing if the unread chunks end before the frame does. */
  #decode(): EnvelopedMessage | undefined {
    while (this.#first) {
      const { chunk, next } = this.#first;
      const frame = this.#decodeFrom(chunk);
      if (this.#at === chunk.length) {
        this.#unread -= chunk.length + CHUNK_OVERHEAD;
        this.#at = 0;
        this.#first = next;
        if (!next) this.#last = undefined;
      }
      if (frame) return frame;
    }
    return undefined;
  }

  /** Decodes a chunk up to the end of a frame, which it returns, or up to the end of the chunk. */
  #decodeFrom(chunk: Uint8Array): EnvelopedMessage | undefined {
    while (!this.#partial) {
      if (this.#at === chunk.length) return undefined;
      this.#prefix[this.#prefixLength++] = chunk[this.#at++]!;
      if (this.#prefixLength < PREFIX) continue;
      this.#prefixLength = 0;
      const flags = this.#prefix[0]!;
      const length = checkLength(this.#prefix, this.#limit);
      const start = this.#at;
      if (chunk.length - start >= length) {
        this.#at += length;
        return { flags, data: chunk.subarray(start, this.#at) };
      }
      this.#partial = { flags, data: new Uint8Array(length) };
      this.#filled = 0;
    }
    const frame = this.#partial;
    const part = chunk.subarray(this.#at, this.#at + frame.data.length - this.#filled);
    frame.data.set(part, this.#filled);
    this.#filled += part.length;
    this.#at += part.length;
    if (this.#filled < frame.data.length) return undefined;
    this.#partial = undefined;
    return frame;
  }

  /** Ends the response: after the frames that wait, the caller reads the end. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#reader) this.#respond(this.#ending());
  }

  /** Ends the response with an error, which the caller reads after the frames that wait. */
  fail(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#error = { reason };
    this.end();
    this.#close();
  }

  /** Ends the response with an error, and drops the frames that wait. */
  abort(reason: unknown): void {
    if (!this.#hasEnded) this.#clear();
    this.fail(reason);
  }

  /** Waits for the next frame. Rejects once if the response ends with an error; from then on, the iterator is done. */
  next(): Promise<Result> {
    try {
      const frame = this.#decode();
      if (frame) return Promise.resolve({ done: false, value: frame });
    } catch (error) {
      void this.return();
      return Promise.reject(error);
    }
    if (this.#hasEnded) return this.#ending();
    return new Promise((resolve) => (this.#reader = resolve));
  }

  /** Ends the response. Further chunks are dropped. */
  async return(): Promise<IteratorReturnResult<void>> {
    this.#clear();
    this.end();
    this.#close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #respond(result: Result | Promise<Result>): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(result);
  }

  /** Returns what the caller reads after the frames: an error the first time, if there is one, and then the end. */
  #ending(): Promise<Result> {
    if (this.#partial || this.#prefixLength > 0) {
      this.#error ??= { reason: new ConnectError("protocol error: the response ends within a frame", Code.Internal) };
    }
    const error = this.#error;
    this.#clear();
    return error ? Promise.reject(error.reason) : Promise.resolve({ done: true, value: undefined });
  }

  /** Drops the bytes that wait, and the error. */
  #clear(): void {
    this.#first = this.#last = this.#partial = this.#error = undefined;
    this.#at = this.#unread = this.#prefixLength = 0;
  }
}
