// All four kinds of call from Node, over each transport, against the binary.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createServer } from "node:http";
import { Code, ConnectError, connect, User_UserType } from "soundstage-client";
import * as package_ from "soundstage-client";
import * as protobuf from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { StageServer, seedFile } from "../../../tests/browser/stage-server.js";

let server;
before(async () => void (server = await StageServer.start(["--seed", await seedFile(10_000)])));
after(() => server.remove());

/** Waits until a condition holds, for at most a second. */
async function eventually(condition) {
  const end = Date.now() + 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within a second: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ended = (method, status) =>
  server.log.filter((line) => line.includes(`/${method}"`) && line.includes(`status=${status}`)).length;

/** Asserts that a promise fails with a status code. */
async function fails(work, code) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    return true;
  });
}

async function consume(responses) {
  for await (const _ of responses);
}

async function* ids(first, last) {
  for (let id = first; id <= last; id++) yield { id };
}

/** A client for each transport. Node 20 has no global WebSocket. */
const clients = {
  auto: () => connect(server.url, { webSocket: WebSocket }),
  websocket: () => connect(server.url, { webSocket: WebSocket, transport: "websocket" }),
};

for (const [name, client] of Object.entries(clients)) {
  describe(name, () => {
    test("unary: the response, its headers and trailers, and an unknown id", async () => {
      const seen = {};
      const { user, error } = await client().users.getUser(
        { id: 1 },
        { onHeader: (header) => (seen.header = header), onTrailer: (trailer) => (seen.trailer = trailer) },
      );
      assert.equal(error, false);
      assert.equal(user.nickname, "user 1");
      assert.equal(user.userType, User_UserType.NORMAL);
      assert.ok(seen.header instanceof Headers && seen.trailer instanceof Headers);
      const missing = await client().users.getUser({ id: 999_999 });
      assert.deepEqual([missing.error, missing.message, missing.user], [true, "not found", undefined]);
    });

    test("a rejected call has its code and its details", async () => {
      const rejected = client().users.addUser({ nickname: "", mailAddress: "@" });
      await fails(rejected, Code.InvalidArgument);
      const error = await rejected.catch((error) => error);
      assert.match(error.rawMessage, /mail_address: Enter a mail address/);
      assert.equal(error.details[0].type, "google.rpc.BadRequest");
    });

    test("server streaming: all messages arrive in order", async () => {
      const seen = [];
      for await (const { user } of client().users.getUsersByType({ userType: User_UserType.NORMAL })) seen.push(user.id);
      assert.equal(seen.length, 10_000);
      assert.ok(seen.every((id, index) => id === index + 1));
    });

    test("client streaming: the server counts ten thousand ids", async () => {
      const { userCnt } = await client().users.countAlreadyUsers(ids(1, 10_000));
      assert.equal(userCnt, 10_000);
    });

    test("bidirectional: each of a thousand responses arrives before the next request", async () => {
      let received = 0;
      let next;
      async function* oneAtATime() {
        for (let id = 1; id <= 1000; id++) {
          const wait = new Promise((resolve) => (next = resolve));
          yield { id };
          await wait;
          assert.equal(received, id);
        }
      }
      for await (const { user } of client().users.getUsersByIds(oneAtATime())) {
        received += 1;
        assert.equal(user.id, received);
        next();
      }
      assert.equal(received, 1000);
    });

    test("a deadline ends an endless stream", async () => {
      const before = ended("PositionSub", "DeadlineExceeded");
      await fails(consume(client().stage.positionSub({}, { timeoutMs: 200 })), Code.DeadlineExceeded);
      await eventually(() => ended("PositionSub", "DeadlineExceeded") + ended("PositionSub", "Cancelled") > before);
    });

    test("a timeout is rounded up to whole milliseconds and has at most eight digits", async () => {
      for (const timeoutMs of [10_000.4, 1e9, Infinity]) {
        assert.equal((await client().users.getUser({ id: 1 }, { timeoutMs })).user.id, 1, timeoutMs);
        assert.equal((await client().users.countAlreadyUsers(ids(1, 2), { timeoutMs })).userCnt, 2, timeoutMs);
        const byDefault = connect(server.url, { webSocket: WebSocket, transport: name, defaultTimeoutMs: timeoutMs });
        assert.equal((await byDefault.users.getUser({ id: 1 })).user.id, 1, timeoutMs);
      }
      const seen = [];
      const interceptors = [(next) => (request) => (seen.push(request.header.get("grpc-timeout")), next(request))];
      const { users } = connect(server.url, { webSocket: WebSocket, transport: name, interceptors });
      for (const timeoutMs of [10_000.4, 1e9, 0, undefined]) await users.getUser({ id: 1 }, { timeoutMs });
      assert.deepEqual(seen, ["10001m", "99999999m", null, null]);
    });

    test("an aborted signal ends the call at the client and at the server", async () => {
      const before = ended("PositionSub", "Cancelled");
      const controller = new AbortController();
      let messages = 0;
      const call = (async () => {
        for await (const _ of client().stage.positionSub({}, { signal: controller.signal })) {
          if (++messages === 2) controller.abort();
        }
      })();
      await fails(call, Code.Canceled);
      await eventually(() => ended("PositionSub", "Cancelled") > before);
    });

    test("leaving a loop ends the call at the server", async () => {
      const before = ended("PositionSub", "Cancelled");
      for await (const { position } of client().stage.positionSub({})) {
        assert.ok(position);
        break;
      }
      await eventually(() => ended("PositionSub", "Cancelled") > before);
    });

    test("repeated and binary metadata is accepted", async () => {
      const headers = new Headers([["tag", "one"], ["tag", "two"], ["trace-bin", "AAEC"]]);
      assert.equal((await client().users.getUser({ id: 2 }, { headers })).user.id, 2);
    });

    test("interceptors run", async () => {
      const seen = [];
      const interceptors = [(next) => (request) => (seen.push(request.method.name), next(request))];
      const { users } = connect(server.url, { webSocket: WebSocket, transport: name, interceptors });
      await users.getUser({ id: 1 });
      await users.countAlreadyUsers(ids(1, 2));
      assert.deepEqual(seen, ["GetUser", "CountAlreadyUsers"]);
    });
  });
}

/**
 * A socket that delivers messages as soon as the request headers arrive. Each element of `messages` is a string or an
 * `ArrayBuffer`. With a close code, the socket closes after the messages.
 */
const socketThatDelivers = (messages, closeCode) =>
  class extends EventTarget {
    readyState = 0;
    bufferedAmount = 0;
    OPEN = 1;
    #sent = 0;

    constructor() {
      super();
      queueMicrotask(() => {
        this.readyState = 1;
        this.dispatchEvent(new Event("open"));
      });
    }

    send() {
      if (this.#sent++ > 0) return;
      for (const data of messages) this.dispatchEvent(Object.assign(new Event("message"), { data }));
      if (closeCode) this.#closed(closeCode);
    }

    #closed(code) {
      this.readyState = 3;
      this.dispatchEvent(Object.assign(new Event("close"), { code, reason: "" }));
    }

    close() {
      if (this.readyState === 3) return;
      this.readyState = 3;
      queueMicrotask(() => this.#closed(1005));
    }
  };

/** The headers of a response. */
const HEADERS = Uint8Array.of(0x80, 0, 0, 0, 0);

/** An HTTP server that handles every request by a function, on a free port. */
async function httpServer(handler) {
  const http = createServer(handler);
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, close: () => (http.closeAllConnections(), http.close()) };
}

describe("a response over a WebSocket", () => {
  const { create, toBinary } = protobuf;
  const frame = (flags, content) => [flags, ...new Uint8Array(Uint32Array.of(content.length).buffer).reverse(), ...content];
  const message = (id) => frame(0, toBinary(package_.UserResponseSchema, create(package_.UserResponseSchema, { user: { id } })));
  const TRAILERS = frame(0x80, new TextEncoder().encode("grpc-status:0\r\n"));
  const response = [...HEADERS, ...message(1), ...frame(0, []), ...message(3), ...TRAILERS];

  /** Returns the ids of the users of a response that arrives in chunks and ends. */
  async function idsOf(chunks) {
    const webSocket = socketThatDelivers(chunks.map((chunk) => Uint8Array.from(chunk).buffer), 1000);
    const { users } = connect("http://any", { webSocket, transport: "websocket" });
    const ids = [];
    for await (const { user } of users.getUsersByType({})) ids.push(user?.id);
    return ids;
  }

  test("the messages do not depend on how the response is cut", async () => {
    const expected = [1, undefined, 3];
    assert.deepEqual(await idsOf([response]), expected);
    assert.deepEqual(await idsOf(response.map((byte) => [byte])), expected);
    for (let cut = 0; cut <= response.length; cut++) {
      assert.deepEqual(await idsOf([response.slice(0, cut), response.slice(cut)]), expected, `cut at ${cut}`);
    }
  });

  test("a response that ends early never succeeds", async () => {
    for (let end = 0; end < response.length; end++) await fails(idsOf([response.slice(0, end)]), Code.Internal);
  });

  test("the messages before a lost connection reach the caller", async () => {
    const chunks = [[...HEADERS, ...message(1)], message(2)].map((chunk) => Uint8Array.from(chunk).buffer);
    const { users } = connect("http://any", { webSocket: socketThatDelivers(chunks, 1006), transport: "websocket" });
    const ids = [];
    const call = (async () => {
      for await (const { user } of users.getUsersByType({})) ids.push(user.id);
    })();
    await fails(call, Code.Unavailable);
    assert.deepEqual(ids, [1, 2]);
  });
});

describe("errors", () => {
  const { users } = connect("http://127.0.0.1:1", { webSocket: WebSocket, transport: "websocket" });

  for (const transport of ["auto", "websocket"]) {
    test(`an unreachable server is Unavailable (${transport})`, async () => {
      const { users, stage } = connect("http://127.0.0.1:1", { webSocket: WebSocket, transport });
      await fails(users.getUser({ id: 1 }), Code.Unavailable);
      await fails(consume(users.exportUsers({})), Code.Unavailable);
      await fails(consume(stage.positionSub({})), Code.Unavailable);
      await fails(consume(users.getUsersByIds(ids(1, 2))), Code.Unavailable);
    });
  }

  test("a response that breaks off is Unavailable over gRPC-Web", async () => {
    const http = await httpServer((_, response) => {
      response.writeHead(200, { "content-type": "application/grpc-web+proto" });
      response.write(Uint8Array.of(0, 0, 0, 0, 0));
      setTimeout(() => response.destroy(), 20);
    });
    await fails(consume(connect(http.url).users.exportUsers({})), Code.Unavailable);
    http.close();
  });

  test("a message over the limit is ResourceExhausted, over each transport", async () => {
    // The prefix of a message of 1 MiB and a byte, without the message: the length alone decides.
    const tooLarge = Uint8Array.of(0, 0, 0x10, 0, 1);
    const http = await httpServer((_, response) => {
      response.writeHead(200, { "content-type": "application/grpc-web+proto" });
      response.write(tooLarge);
    });
    const maxMessageSize = 1024 * 1024;
    const grpcWeb = connect(http.url, { maxMessageSize });
    await fails(grpcWeb.users.getUser({ id: 1 }, { timeoutMs: 2000 }), Code.ResourceExhausted);
    await fails(consume(grpcWeb.users.exportUsers({}, { timeoutMs: 2000 })), Code.ResourceExhausted);
    http.close();
    const webSocket = socketThatDelivers([HEADERS.buffer, tooLarge.buffer]);
    const { users } = connect("http://any", { webSocket, transport: "websocket", maxMessageSize });
    await fails(consume(users.exportUsers({}, { timeoutMs: 2000 })), Code.ResourceExhausted);
    // The default is 4 MiB.
    const larger = socketThatDelivers([HEADERS.buffer, Uint8Array.of(0, 0, 0x40, 0, 1).buffer]);
    const byDefault = connect("http://any", { webSocket: larger, transport: "websocket" });
    await fails(consume(byDefault.users.exportUsers({}, { timeoutMs: 2000 })), Code.ResourceExhausted);
  });

  test("a message of exactly the limit is accepted", async () => {
    const { user } = await connect(server.url, { webSocket: WebSocket }).users.getUser({ id: 1 });
    assert.ok(user);
    for (const transport of ["auto", "websocket"]) {
      const at = (maxMessageSize) => connect(server.url, { webSocket: WebSocket, transport, maxMessageSize }).users;
      const response = await at(1024).getUser({ id: 1 });
      const { toBinary, UserResponseSchema } = { ...package_, ...(await import("@bufbuild/protobuf")) };
      const size = toBinary(UserResponseSchema, response).length;
      assert.equal((await at(size).getUser({ id: 1 })).user.id, 1);
      await fails(at(size - 1).getUser({ id: 1 }), Code.ResourceExhausted);
    }
  });

  test("a text message of a socket is a protocol error and allocates nothing", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const webSocket = socketThatDelivers([HEADERS.buffer, "1000000000"]);
    const { users } = connect("http://any", { webSocket, transport: "websocket" });
    await fails(consume(users.exportUsers({})), Code.Internal);
    assert.ok(process.memoryUsage().arrayBuffers - before < 100e6);
  });

  test("the fields of a rejected request can be read", async () => {
    for (const transport of ["auto", "websocket"]) {
      const { users } = connect(server.url, { webSocket: WebSocket, transport });
      const error = await users.addUser({ nickname: "", mailAddress: "@" }).catch((error) => error);
      assert.deepEqual(package_.fieldErrors(error), [
        { field: "nickname", description: "Enter a nickname." },
        { field: "mail_address", description: "Enter a mail address such as name@example.com." },
        { field: "user_type", description: "Choose NORMAL, ADMINISTRATOR, GUEST or DISABLED." },
      ]);
    }
    for (const other of [new Error("no"), undefined, new ConnectError("no", Code.Internal)]) {
      assert.deepEqual(package_.fieldErrors(other), []);
    }
  });

  test("the iterator of the requests is returned once, however the call ends", { timeout: 20_000 }, async () => {
    /** Requests that wait for ever after the first. */
    const waiting = (first) => {
      const seen = { returned: 0 };
      let next = 0;
      seen.requests = {
        [Symbol.asyncIterator]: () => ({
          next: () => (next++ === 0 ? Promise.resolve({ done: false, value: first }) : new Promise(() => {})),
          return: async () => ((seen.returned += 1), { done: true, value: undefined }),
        }),
      };
      return seen;
    };
    const { users, stage } = connect(server.url, { webSocket: WebSocket });

    const left = waiting({ id: 1 });
    for await (const _ of users.getUsersByIds(left.requests)) break;
    await eventually(() => left.returned === 1);

    const rejected = waiting({ joins: [{ name: "" }] });
    await fails(consume(stage.positionSync(rejected.requests)), Code.InvalidArgument);
    await eventually(() => rejected.returned === 1);

    const late = waiting({ id: 1 });
    await fails(users.countAlreadyUsers(late.requests, { timeoutMs: 100 }), Code.DeadlineExceeded);
    await eventually(() => late.returned === 1);

    const aborted = waiting({ id: 1 });
    const controller = new AbortController();
    const call = users.countAlreadyUsers(aborted.requests, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await fails(call, Code.Canceled);
    await eventually(() => aborted.returned === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const { returned } of [left, rejected, late, aborted]) assert.equal(returned, 1);
  });

  test("a signal that is already aborted opens no socket", async () => {
    await fails(users.getUser({ id: 1 }, { signal: AbortSignal.abort() }), Code.Canceled);
  });

  test("an exception of the requests ends the call and reaches the caller", async () => {
    const before = ended("GetUsersByIds", "Cancelled");
    async function* broken() {
      yield { id: 1 };
      throw new Error("no more ids");
    }
    const { users } = connect(server.url, { webSocket: WebSocket });
    await assert.rejects(consume(users.getUsersByIds(broken())), /no more ids/);
    await eventually(() => ended("GetUsersByIds", "Cancelled") > before);
  });

  test("a request over the server's limit is ResourceExhausted", async () => {
    const { users } = connect(server.url, { webSocket: WebSocket, transport: "websocket" });
    await fails(users.addUser({ nickname: "n".repeat(100_000) }), Code.ResourceExhausted);
  });

  test("a call with too many unread responses ends", async () => {
    const message = new Uint8Array(5 + 1024 * 1024);
    message.set([0, 0, 16, 0, 0]);
    const Flood = socketThatDelivers([HEADERS.buffer, ...Array(20).fill(message.buffer)]);
    const { users } = connect("http://flood", { webSocket: Flood, transport: "websocket" });
    await fails(consume(users.getUsersByType({})), Code.ResourceExhausted);
  });

  test("without a WebSocket the error names the option", { skip: globalThis.WebSocket !== undefined }, async () => {
    await assert.rejects(connect(server.url).users.countAlreadyUsers(ids(1, 2)), /pass one as the option `webSocket`/);
  });
});

describe("the transport of a stream", () => {
  const transportOf = (method) => {
    const line = server.log.findLast((line) => line.includes("soundstage::call") && line.includes(`/${method}"`));
    return line?.match(/transport="?([a-z-]+)/)?.[1];
  };

  test("a stream without an end uses a WebSocket, so that it occupies none of the six connections", async () => {
    const { users, stage } = connect(server.url, { webSocket: WebSocket });
    for await (const _ of stage.positionSub({})) break;
    await eventually(() => transportOf("PositionSub") === "websocket");
    await fails(consume(users.watchUsers({}, { timeoutMs: 100 })), Code.DeadlineExceeded);
    await eventually(() => transportOf("WatchUsers") === "websocket");
    // The caller can be slow: gRPC-Web makes the server wait.
    for await (const _ of users.exportUsers({}));
    await eventually(() => transportOf("ExportUsers") === "grpc-web");
  });

  test("without a WebSocket, such a stream uses gRPC-Web", { skip: globalThis.WebSocket !== undefined }, async () => {
    const before = ended("PositionSub", "Cancelled");
    for await (const _ of connect(server.url).stage.positionSub({})) break;
    await eventually(() => ended("PositionSub", "Cancelled") > before && transportOf("PositionSub") === "grpc-web");
  });
});
