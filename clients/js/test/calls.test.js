// The four kinds of call from Node, over each transport that carries them, against the real binary.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Code, ConnectError, connect, User_UserType } from "soundstage-client";
import { WebSocket } from "ws";
import { StageServer, seedFile } from "../../../tests/browser/stage-server.js";

let server;
before(async () => void (server = await StageServer.start(["--seed", await seedFile(10_000)])));
after(() => server.remove());

/** Waits until a condition holds, at most a second. */
async function eventually(condition) {
  const end = Date.now() + 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within a second: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ended = (method, status) =>
  server.log.filter((line) => line.includes(`/${method}"`) && line.includes(`status=${status}`)).length;

/** Asserts that a promise, or a loop over answers, fails with this code. */
async function fails(work, code) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    return true;
  });
}

async function consume(answers) {
  for await (const _ of answers);
}

async function* ids(first, last) {
  for (let id = first; id <= last; id++) yield { id };
}

/** A client for each transport. In Node 20 there is no global WebSocket. */
const clients = {
  "by-call": () => connect(server.url, { webSocket: WebSocket }),
  websocket: () => connect(server.url, { webSocket: WebSocket, transport: "websocket" }),
};

for (const [name, client] of Object.entries(clients)) {
  describe(name, () => {
    test("unary: an answer, its headers and trailers, and one that is not found", async () => {
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

    test("a refusal has its code and its details", async () => {
      const refused = client().users.addUser({ nickname: "", mailAddress: "@" });
      await fails(refused, Code.InvalidArgument);
      const error = await refused.catch((error) => error);
      assert.match(error.rawMessage, /mail_address: Enter a mail address/);
      assert.equal(error.details[0].type, "google.rpc.BadRequest");
    });

    test("server streaming: every message, in order", async () => {
      const seen = [];
      for await (const { user } of client().users.getUsersByType({ userType: User_UserType.NORMAL })) seen.push(user.id);
      assert.equal(seen.length, 10_000);
      assert.ok(seen.every((id, index) => id === index + 1));
    });

    test("client streaming: ten thousand ids are counted", async () => {
      const { userCnt } = await client().users.countAlreadyUsers(ids(1, 10_000));
      assert.equal(userCnt, 10_000);
    });

    test("bidirectional: the n-th id is answered before the next is sent, a thousand times", async () => {
      let answered = 0;
      let next;
      async function* oneAtATime() {
        for (let id = 1; id <= 1000; id++) {
          const wait = new Promise((resolve) => (next = resolve));
          yield { id };
          await wait;
          assert.equal(answered, id);
        }
      }
      for await (const { user } of client().users.getUsersByIds(oneAtATime())) {
        answered += 1;
        assert.equal(user.id, answered);
        next();
      }
      assert.equal(answered, 1000);
    });

    test("a deadline ends an endless stream", async () => {
      const before = ended("PositionSub", "DeadlineExceeded");
      await fails(consume(client().stage.positionSub({}, { timeoutMs: 200 })), Code.DeadlineExceeded);
      await eventually(() => ended("PositionSub", "DeadlineExceeded") + ended("PositionSub", "Cancelled") > before);
    });

    test("an aborted signal ends the call here and at the server", async () => {
      const before = ended("PositionSub", "Cancelled");
      const controller = new AbortController();
      let messages = 0;
      const following = (async () => {
        for await (const _ of client().stage.positionSub({}, { signal: controller.signal })) {
          if (++messages === 2) controller.abort();
        }
      })();
      await fails(following, Code.Canceled);
      await eventually(() => ended("PositionSub", "Cancelled") > before);
    });

    test("a loop that is left ends the call at the server", async () => {
      const before = ended("PositionSub", "Cancelled");
      for await (const { position } of client().stage.positionSub({})) {
        assert.ok(position);
        break;
      }
      await eventually(() => ended("PositionSub", "Cancelled") > before);
    });

    test("metadata goes along, repeated and binary", async () => {
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

describe("when something is wrong", () => {
  const { users } = connect("http://127.0.0.1:1", { webSocket: WebSocket, transport: "websocket" });

  test("a server that is not there is Unavailable", async () => {
    await fails(users.getUser({ id: 1 }), Code.Unavailable);
    await fails(consume(users.getUsersByIds(ids(1, 2))), Code.Unavailable);
  });

  test("a signal that is aborted already opens nothing", async () => {
    await fails(users.getUser({ id: 1 }, { signal: AbortSignal.abort() }), Code.Canceled);
  });

  test("requests that throw end the call, at the server too, and their error reaches the caller", async () => {
    const before = ended("GetUsersByIds", "Cancelled");
    async function* broken() {
      yield { id: 1 };
      throw new Error("no more ids");
    }
    const { users } = connect(server.url, { webSocket: WebSocket });
    await assert.rejects(consume(users.getUsersByIds(broken())), /no more ids/);
    await eventually(() => ended("GetUsersByIds", "Cancelled") > before);
  });

  test("a request larger than the server takes is ResourceExhausted", async () => {
    const { users } = connect(server.url, { webSocket: WebSocket, transport: "websocket" });
    await fails(users.addUser({ nickname: "n".repeat(100_000) }), Code.ResourceExhausted);
  });

  test("answers that nobody reads are kept up to a limit, and past it the call ends", async () => {
    /** A server that sends a megabyte at a time, 20 of them, whatever is read. */
    class Flood extends EventTarget {
      readyState = 0;
      bufferedAmount = 0;
      OPEN = 1;
      #answers = 0;

      constructor() {
        super();
        queueMicrotask(() => {
          this.readyState = 1;
          this.dispatchEvent(new Event("open"));
        });
      }

      send() {
        if (this.#answers++ > 0) return;
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

  test("without a WebSocket the error says what to do", { skip: globalThis.WebSocket !== undefined }, async () => {
    await assert.rejects(connect(server.url).users.countAlreadyUsers(ids(1, 2)), /pass one as the option `webSocket`/);
  });
});
