// A page from elsewhere: what it gets of the server, with leave and without.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { expect, test } from "../test.js";

const client = resolve(import.meta.dirname, "../../../dist/examples/js/soundstage-client.js");

/** Serves an empty page and the client on a port of its own: another origin. */
async function elsewhere() {
  const server = createServer(async (request, response) => {
    const isClient = request.url === "/client.js";
    response.setHeader("content-type", isClient ? "text/javascript" : "text/html");
    response.end(isClient ? await readFile(client) : "<!doctype html><title>elsewhere</title>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** What a page there gets: by gRPC-Web, a refusal by gRPC-Web, and over a WebSocket. */
async function attempts(context, origin, url) {
  const page = await context.newPage();
  await page.goto(origin);
  return page.evaluate(async (url) => {
    const { connect } = await import("/client.js");
    const said = (call) => call.then((answer) => answer.user.nickname, (error) => error.message);
    return {
      grpcWeb: await said(connect(url).users.getUser({ id: 1 })),
      refusal: await said(connect(url).users.addUser({})),
      webSocket: await said(connect(url, { transport: "websocket" }).users.getUser({ id: 1 })),
    };
  }, url);
}

const there = await elsewhere();
test.afterAll(() => there.close());

test("without leave it gets neither an answer nor a WebSocket", async ({ context, server }) => {
  expect(await attempts(context, there.origin, server.url)).toEqual({
    grpcWeb: "[unknown] Failed to fetch",
    refusal: "[unknown] Failed to fetch",
    webSocket: "[unavailable] the server was not reached",
  });
  expect(server.ended("GetUser")).toBe(0);
});

test.describe("with leave", () => {
  test.use({ serverOptions: ["--allow-origin", there.origin] });

  test("it gets answers, errors with their status, and a WebSocket", async ({ context, server }) => {
    const got = await attempts(context, there.origin, server.url);
    expect(got).toMatchObject({ grpcWeb: "admin", webSocket: "admin" });
    expect(got.refusal).toMatch(/^\[invalid_argument\] nickname: /);
  });

  test("its leave is no other page's", async ({ context, server }) => {
    const other = await elsewhere();
    const got = await attempts(context, other.origin, server.url);
    other.close();
    expect(got).toMatchObject({ grpcWeb: "[unknown] Failed to fetch", webSocket: "[unavailable] the server was not reached" });
  });
});
