// Part of `cargo xtask bench round-trips`: measures from Chromium, and prints a name and the round trips per second on each line.
import { chromium } from "@playwright/test";
import config from "./playwright.config.js";
import { call, openWithCalls } from "./calls.js";

const [url, requests, runs] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

/** Makes the round trips with the JavaScript client of the server's example page. */
async function fromJavaScript(page) {
  await page.evaluate(
    async ([url, count]) => {
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
    },
    [url, requests],
  );
}

const browser = await chromium.launch(config.use.launchOptions);
const page = await browser.newPage();
await openWithCalls(page, url);
for (const [name, run] of [
  ["Chromium, WebAssembly, WebSocket", () => call(page, "ping_pong", url, requests)],
  ["Chromium, JavaScript, WebSocket", () => fromJavaScript(page)],
]) {
  let best = 0;
  for (let index = 0; index < runs; index++) {
    const start = performance.now();
    await run();
    best = Math.max(best, (requests / (performance.now() - start)) * 1000);
  }
  console.log(`${name} ${best.toFixed(0)}`);
}
await browser.close();
