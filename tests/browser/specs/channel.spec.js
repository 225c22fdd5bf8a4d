// The channel for browsers, used by a Rust program in a page: generated stubs over fetch and WebSockets.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { call, openWithCalls } from "../calls.js";
import { seedFile } from "../stage-server.js";
import { expect, test } from "../test.js";

const recorded = resolve(import.meta.dirname, "../../../channel/tests/recorded");

test.beforeEach(async ({ page }) => openWithCalls(page));

test.describe("with ten thousand users", () => {
  test.use({ serverOptions: async ({}, use) => use(["--seed", await seedFile(10_000)]) });

  test("a thousand requests each wait for the previous response", async ({ page, server }) => {
    expect(await call(page, "ping_pong", server.url, 1000)).toBe(1000);
  });

  for (const transport of ["auto", "grpc-web", "websocket"]) {
    test(`a call counts ten thousand ids, ${transport}`, async ({ page, server }) => {
      expect(await call(page, "count", server.url, transport, 10_000)).toBe(10_000);
    });
  }
});

for (const transport of ["grpc-web", "websocket"]) {
  test.describe(transport, () => {
    test("a deadline ends an endless stream in the page and at the server", async ({ page, server }) => {
      // Ten messages a second: enough time for some of them on a slow machine.
      const outcome = await call(page, "follow", server.url, transport, 2000, 1000);
      expect(outcome).toMatchObject({ code: "DeadlineExceeded" });
      expect(outcome.messages).toBeGreaterThan(2);
      await expect.poll(() => server.ended("PositionSub")).toBe(1);
    });

    test("a dropped stream ends at the server", async ({ page, server }) => {
      expect(await call(page, "follow", server.url, transport, 0, 2)).toMatchObject({ code: "Ok", messages: 2 });
      await expect.poll(() => server.ended("PositionSub")).toBe(1);
    });

    test("a response above the size limit is rejected", async ({ page, server }) => {
      expect(await call(page, "get_user", server.url, transport, 8)).toMatchObject({
        code: "ResourceExhausted",
        message: expect.stringMatching(/^the response has a message of \d\d bytes; at most 8 are allowed$/),
      });
    });
  });
}

test("completed calls reuse their connection", async ({ page, server }) => {
  for (let n = 0; n < 20; n++) {
    expect(await call(page, "get_user", server.url, "grpc-web", 1000)).toMatchObject({ code: "Ok" });
  }
  // The server writes its log beside the calls, so a line may come after the response.
  const peers = () =>
    server.log.filter((line) => line.includes("/UserManager/GetUser")).map((line) => line.match(/peer=(\S+)/)[1]);
  await expect.poll(() => peers().length).toBe(20);
  expect(new Set(peers()).size).toBe(1);
});

test.describe("without a server", () => {
  test.use({ serverGoesAway: true });

  test("an error says whether the call may have reached the server", async ({ page, server }) => {
    await server.kill();
    expect(await call(page, "get_user", server.url, "websocket", 1000)).toMatchObject({
      code: "Unavailable",
      failure: "NeverReached",
    });
    expect(await call(page, "get_user", server.url, "grpc-web", 1000)).toMatchObject({
      code: "Unavailable",
      failure: "NoResponse",
    });
  });

  test("a stream ends with an error when its server dies", async ({ page, server }) => {
    for (const transport of ["grpc-web", "websocket"]) {
      const following = call(page, "follow", server.url, transport, 0, 1_000_000);
      await expect.poll(() => server.inProgress("PositionSub")).toBe(1);
      await server.kill();
      expect(await following).toMatchObject({ code: "Unavailable", failure: "ConnectionLost" });
      await server.startAgain();
    }
  });
});

/** Replaces the page's fetch: it returns a recorded response body in two chunks, split at an offset. */
async function respondSplitAt(page, name, offset) {
  const file = await readFile(resolve(recorded, `${name}.http`));
  const body = file.subarray(file.indexOf("\r\n\r\n") + 4);
  await page.evaluate(
    ([bytes, offset]) => {
      window.fetch = async () => {
        const chunks = [bytes.slice(0, offset), bytes.slice(offset)].filter((chunk) => chunk.length > 0);
        const stream = new ReadableStream({
          pull(controller) {
            const chunk = chunks.shift();
            if (chunk) controller.enqueue(new Uint8Array(chunk));
            else controller.close();
          },
        });
        return new Response(stream, { headers: { "content-type": "application/grpc-web+proto" } });
      };
    },
    [[...body], offset],
  );
  return body.length;
}

test("a recorded response split at any offset gives its messages and its status", async ({ page, server }) => {
  const length = await respondSplitAt(page, "repeated_trailers", 0);
  for (let offset = 0; offset <= length; offset++) {
    await respondSplitAt(page, "repeated_trailers", offset);
    const outcome = await call(page, "stream_over_channel", server.url);
    expect(outcome, `split at ${offset}`).toMatchObject({ messages: 1, code: "Ok", trailer: "one" });
  }
});

// The reason for the channel: once this test fails with a newer release, the page can use that crate for fetch.
test("tonic-web-wasm-client loses the status of a response that is split within its trailers", async ({ page, server }) => {
  const length = await respondSplitAt(page, "percent_encoded_message", 0);
  const whole = { messages: 0, code: "InvalidArgument" };
  expect(await call(page, "stream_over_tonic_web_wasm_client", server.url)).toMatchObject(whole);
  await respondSplitAt(page, "percent_encoded_message", length - 20);
  expect(await call(page, "stream_over_channel", server.url)).toMatchObject(whole);
  await respondSplitAt(page, "percent_encoded_message", length - 20);
  const lost = await call(page, "stream_over_tonic_web_wasm_client", server.url);
  expect(lost.code).not.toBe("InvalidArgument");
});
