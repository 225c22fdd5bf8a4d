// A page of another origin calls the server, with and without permission.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { expect, test } from "../test.js";

const client = resolve(import.meta.dirname, "../../../dist/examples/js/soundstage-client.js");

/** Serves an empty page and the client on another port, which is another origin. */
async function serveOtherOrigin() {
  const server = createServer(async (request, response) => {
    const isClient = request.url === "/client.js";
    response.setHeader("content-type", isClient ? "text/javascript" : "text/html");
    response.end(isClient ? await readFile(client) : "<!doctype html><title>other origin</title>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Makes calls from a page of an origin: over gRPC-Web, a rejected call over gRPC-Web, and over a WebSocket. Returns the outcomes. */
async function callFrom(context, origin, url) {
  const page = await context.newPage();
  await page.goto(origin);
  return page.evaluate(async (url) => {
    const { connect } = await import("/client.js");
    const outcome = (call) => call.then((response) => response.user.nickname, (error) => error.message);
    return {
      grpcWeb: await outcome(connect(url).users.getUser({ id: 1 })),
      rejection: await outcome(connect(url).users.addUser({})),
      webSocket: await outcome(connect(url, { transport: "websocket" }).users.getUser({ id: 1 })),
    };
  }, url);
}

const otherOrigin = await serveOtherOrigin();
test.afterAll(() => otherOrigin.close());

test("without permission, the page gets neither a response nor a WebSocket", async ({ context, server }) => {
  expect(await callFrom(context, otherOrigin.origin, server.url)).toEqual({
    grpcWeb: "[unavailable] the server was not reached",
    rejection: "[unavailable] the server was not reached",
    webSocket: "[unavailable] the server was not reached",
  });
  expect(server.ended("GetUser")).toBe(0);
});

test.describe("with permission", () => {
  test.use({ serverOptions: ["--allow-origin", otherOrigin.origin] });

  test("the page gets responses, errors with their status, and a WebSocket", async ({ context, server }) => {
    const got = await callFrom(context, otherOrigin.origin, server.url);
    expect(got).toMatchObject({ grpcWeb: "admin", webSocket: "admin" });
    expect(got.rejection).toMatch(/^\[invalid_argument\] nickname: /);
  });

  test("the permission does not extend to another origin", async ({ context, server }) => {
    const other = await serveOtherOrigin();
    const got = await callFrom(context, other.origin, server.url);
    other.close();
    expect(got).toMatchObject({ grpcWeb: "[unavailable] the server was not reached", webSocket: "[unavailable] the server was not reached" });
  });
});
