// The queue between a socket and the caller, on its own.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { ResponseFrames } from "../dist/response-frames.js";

const MIB = 1024 * 1024;
/** An empty message: only a prefix. */
const EMPTY = Uint8Array.of(0, 0, 0, 0, 0);
const DONE = { done: true, value: undefined };

/** Returns the frames of a response, and the number of times that they have closed the socket. */
function responseFrames(limit = MIB) {
  const socket = { closed: 0 };
  return { socket, frames: new ResponseFrames(limit, () => (socket.closed += 1)) };
}

const hasCode = (code) => (error) => error instanceof ConnectError && Code[error.code] === Code[code];

/** Returns a message of `length` bytes with its prefix. */
function message(length) {
  const bytes = new Uint8Array(EMPTY.length + length);
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
}

describe("an unread response", () => {
  test("of empty messages in chunks of their own ends after about 64,000 messages", async () => {
    const { socket, frames } = responseFrames();
    let accepted = 0;
    while (accepted < 1_000_000) {
      frames.push(EMPTY.slice());
      if (socket.closed > 0) break;
      accepted += 1;
    }
    assert.equal(accepted, Math.floor((16 * MIB) / (EMPTY.length + 256)));
    await assert.rejects(frames.next(), hasCode(Code.ResourceExhausted));
    assert.deepEqual(await frames.next(), DONE);
  });

  test("of many empty messages per chunk takes no more memory than its chunks", async () => {
    const { socket, frames } = responseFrames();
    const perChunk = 200_000;
    const chunk = new Uint8Array(perChunk * EMPTY.length);
    const before = process.memoryUsage().heapUsed;
    let accepted = 0;
    for (frames.push(chunk); socket.closed === 0; frames.push(chunk)) accepted += 1;
    const grown = process.memoryUsage().heapUsed - before;
    assert.equal(accepted, Math.floor((16 * MIB) / (chunk.length + 256)));
    assert.ok(grown < 16 * MIB, `${grown} bytes for ${accepted * perChunk} messages`);
    await assert.rejects(frames.next(), hasCode(Code.ResourceExhausted));
  });

  test("counts only unread bytes", async () => {
    const { socket, frames } = responseFrames();
    const chunk = message(MIB - 1024);
    // 16 chunks wait at most. 320 pass in all.
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 16; index++) frames.push(chunk);
      for (let index = 0; index < 16; index++) assert.equal((await frames.next()).value.data.length, MIB - 1024);
    }
    assert.equal(socket.closed, 0);
  });

  test("can be larger than the limit if the caller waits for it", async () => {
    const { socket, frames } = responseFrames(64 * MIB);
    const bytes = message(40 * MIB);
    const frame = frames.next();
    for (let start = 0; start < bytes.length; start += MIB) frames.push(bytes.subarray(start, start + MIB));
    assert.equal((await frame).value.data.length, 40 * MIB);
    assert.equal(socket.closed, 0);
  });
});

describe("the end of a response", () => {
  const LOST = new ConnectError("lost", Code.Unavailable);

  test("an error follows the messages once, and then the iteration is done", async () => {
    const { socket, frames } = responseFrames();
    frames.push(EMPTY);
    frames.fail(LOST);
    assert.equal((await frames.next()).done, false);
    await assert.rejects(frames.next(), LOST);
    for (let index = 0; index < 2; index++) assert.deepEqual(await frames.next(), DONE);
    assert.equal(socket.closed, 1);
  });

  test("an error reaches a caller that waits, and then the iteration is done", async () => {
    const { frames } = responseFrames();
    const waiting = assert.rejects(frames.next(), LOST);
    frames.fail(LOST);
    await waiting;
    assert.deepEqual(await frames.next(), DONE);
  });

  test("an abort drops the messages that wait", async () => {
    const { frames } = responseFrames();
    frames.push(Uint8Array.of(...EMPTY, 0, 0));
    frames.abort(LOST);
    await assert.rejects(frames.next(), LOST);
    assert.deepEqual(await frames.next(), DONE);
  });

  test("an end within a frame is an error once", async () => {
    for (const part of [EMPTY.subarray(0, 3), message(3).subarray(0, 7)]) {
      const { frames } = responseFrames();
      frames.push(part);
      frames.end();
      await assert.rejects(frames.next(), hasCode(Code.Internal));
      assert.deepEqual(await frames.next(), DONE);
    }
  });

  test("a frame over the limit is an error once, whether or not the caller waits", async () => {
    for (const waits of [true, false]) {
      const { socket, frames } = responseFrames(10);
      const early = waits ? assert.rejects(frames.next(), hasCode(Code.ResourceExhausted)) : undefined;
      frames.push(message(11));
      // The error takes precedence over that of the connection, which comes later.
      frames.fail(LOST);
      await (early ?? assert.rejects(frames.next(), hasCode(Code.ResourceExhausted)));
      assert.deepEqual(await frames.next(), DONE);
      assert.ok(socket.closed > 0);
    }
  });

  test("a returned iterator is done, with nothing left to read", async () => {
    const { socket, frames } = responseFrames();
    frames.push(EMPTY);
    frames.fail(LOST);
    assert.deepEqual(await frames.return(), DONE);
    assert.deepEqual(await frames.next(), DONE);
    const other = responseFrames();
    const waiting = other.frames.next();
    await other.frames.return();
    other.frames.push(EMPTY);
    assert.deepEqual([await waiting, await other.frames.next()], [DONE, DONE]);
    assert.ok(socket.closed > 0 && other.socket.closed > 0);
  });
});
