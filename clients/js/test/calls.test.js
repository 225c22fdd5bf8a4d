// All four kinds of call from Node, over each transport, against the binary.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Code, ConnectError, connect, User_UserType } from "soundstage-client";
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

describe("errors", () => {
  const { users } = connect("http://127.0.0.1:1", { webSocket: WebSocket, transport: "websocket" });

  test("an unreachable server is Unavailable", async () => {
    await fails(users.getUser({ id: 1 }), Code.Unavailable);
    await fails(consume(users.getUsersByIds(ids(1, 2))), Code.Unavailable);
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
    /** A socket that delivers 20 messages of 1 MiB at once. */
    class Flood extends EventTarget {
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
        const headers = Uint8Array.of(0x80, 0, 0, 0, 0);
        const message = new Uint8Array(5 + 1024 * 1024);
        message.set([0, 0, 16, 0, 0]);
        for (const frame of [headers, ...Array(20).fill(message)]) {
          this.dispatchEvent(Object.assign(new Event("message"), { data: frame.buffer }));
        }
      }

      close() {
        this.readyState = 3;
      }
    }
    const { users } = connect("http://flood", { webSocket: Flood, transport: "websocket" });
    await fails(consume(users.getUsersByType({})), Code.ResourceExhausted);
  });

  test("without a WebSocket the error names the option", { skip: globalThis.WebSocket !== undefined }, async () => {
    await assert.rejects(connect(server.url).users.countAlreadyUsers(ids(1, 2)), /pass one as the option `webSocket`/);
  });
});
