import { Code, ConnectError } from "@connectrpc/connect";

/** The largest response message by default, in bytes. gRPC's own clients have the same limit. */
export const DEFAULT_MAX_MESSAGE_SIZE = 4 * 1024 * 1024;

/** The length of a frame's prefix (flags and length), in bytes. */
export const PREFIX = 5;

/**
 * Returns the length of the frame that begins with a prefix.
 *
 * @throws ConnectError with `Code.ResourceExhausted` if the length is more than `limit` bytes
 */
export function checkLength(prefix: Uint8Array<ArrayBuffer>, limit: number): number {
  const length = new DataView(prefix.buffer).getUint32(1);
  if (length > limit) {
    const message = `the response has a message of ${length} bytes; at most ${limit} are allowed`;
    throw new ConnectError(message, Code.ResourceExhausted);
  }
  return length;
}

/**
 * Passes the bytes of gRPC-Web frames on, and fails with `Code.ResourceExhausted` at the prefix of a frame of more than
 * `limit` bytes. Without the limit, a prefix of five bytes makes the reader allocate up to 4 GiB.
 */
export function limitMessages(bytes: ReadableStream<Uint8Array>, limit: number): ReadableStream<Uint8Array> {
  const prefix = new Uint8Array(PREFIX);
  let prefixLength = 0;
  /** The bytes of the current frame that have not arrived yet. */
  let missing = 0;

  function check(chunk: Uint8Array) {
    for (let at = 0; at < chunk.length; ) {
      if (missing > 0) {
        const skipped = Math.min(missing, chunk.length - at);
        missing -= skipped;
        at += skipped;
        continue;
      }
      prefix[prefixLength++] = chunk[at++]!;
      if (prefixLength < PREFIX) continue;
      prefixLength = 0;
      missing = checkLength(prefix, limit);
    }
  }

  const reader = bytes.getReader();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      try {
        check(value);
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw error;
      }
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  };
  // Without a buffer of its own, so that the reader's pace reaches the source.
  return new ReadableStream(source, { highWaterMark: 0 });
}
