// Part of `cargo xtask bench round-trips`: measures from Chromium, and prints a name and the round trips per second on each line.
import { chromium } from "@playwright/test";
import config from "./playwright.config.js";
import { builtCalls } from "./calls.js";
import { UnobservedPage } from "./unobserved.js";

const [url, echo] = process.argv.slice(2, 4);
const [requests, runs] = process.argv.slice(4).map(Number);

/** The size of a message to the bare server: that of an average response, in bytes. */
const MESSAGE_SIZE = 64;

/** Loads the calls from WebAssembly into the page. */
async function load(javascript, wasm) {
  const module = URL.createObjectURL(new Blob([javascript], { type: "text/javascript" }));
  globalThis.calls = await import(module);
  await globalThis.calls.default({ module_or_path: await fetch(`data:application/wasm;base64,${wasm}`) });
}

/** Makes the round trips over a WebSocket without any protocol. */
function bare(url, count, size) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const message = new Uint8Array(size);
  let missing = count;
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(message);
    socket.onerror = () => reject(new Error("the connection failed"));
    socket.onmessage = ({ data }) => {
      if (data.byteLength !== size) reject(new Error(`${data.byteLength} bytes`));
      else if (--missing > 0) socket.send(message);
      else resolve();
    };
  }).finally(() => socket.close());
}

/** Makes the round trips with the JavaScript client of the server's example page. */
async function fromJavaScript(url, count) {
  const { connect } = await import("/examples/js/soundstage-client.js");
  let release;
  async function* oneAtATime() {
    for (let id = 1; id <= count; id++) {
      const response = new Promise((resolve) => (release = resolve));
      yield { id };
      await response;
    }
  }
  let responses = 0;
  for await (const { user } of connect(url).users.getUsersByIds(oneAtATime())) {
    if (user.id !== ++responses) throw new Error(`${user.id} for ${responses}`);
    release();
  }
}

const fromWasm = (url, count) => globalThis.calls.ping_pong(url, count);

const browser = await chromium.launch(config.use.launchOptions);
const page = await UnobservedPage.open(browser, `${url}/healthz`);
const { javascript, wasm } = await builtCalls();
await page.evaluate(load, javascript.toString(), wasm.toString("base64"));
const clients = [
  { name: "Chromium, bare WebSocket", run: () => page.evaluate(bare, echo, requests, MESSAGE_SIZE) },
  { name: "Chromium, WebAssembly, WebSocket", run: () => page.evaluate(fromWasm, url, requests) },
  { name: "Chromium, JavaScript, WebSocket", run: () => page.evaluate(fromJavaScript, url, requests) },
];
// The clients take turns, so that other processes slow all clients down alike.
for (let index = 0; index < runs; index++) {
  for (const client of clients) {
    const start = performance.now();
    await client.run();
    client.best = Math.min(client.best ?? Infinity, performance.now() - start);
  }
}
for (const { name, best } of clients) console.log(`${name} ${((requests / best) * 1000).toFixed(0)}`);
await browser.close();
