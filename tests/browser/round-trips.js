// For `cargo xtask bench round-trips`: asks from Chromium, and prints a name and round trips per second each line.
import { chromium } from "@playwright/test";
import config from "./playwright.config.js";
import { call, openWithCalls } from "./calls.js";

const [url, questions, runs] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

/** Asks from JavaScript, with the client that the server's example page has. */
async function fromJavaScript(page) {
  await page.evaluate(
    async ([url, questions]) => {
      const { connect } = await import("/examples/js/soundstage-client.js");
      let go;
      async function* oneAtATime() {
        for (let id = 1; id <= questions; id++) {
          const answer = new Promise((resolve) => (go = resolve));
          yield { id };
          await answer;
        }
      }
      let answers = 0;
      for await (const { user } of connect(url).users.getUsersByIds(oneAtATime())) {
        if (user.id !== ++answers) throw new Error(`${user.id} for ${answers}`);
        go();
      }
    },
    [url, questions],
  );
}

const browser = await chromium.launch(config.use.launchOptions);
const page = await browser.newPage();
await openWithCalls(page, url);
for (const [name, ask] of [
  ["Chromium, WebAssembly, WebSocket", () => call(page, "ping_pong", url, questions)],
  ["Chromium, JavaScript, WebSocket", () => fromJavaScript(page)],
]) {
  let best = 0;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await ask();
    best = Math.max(best, (questions / (performance.now() - start)) * 1000);
  }
  console.log(`${name} ${best.toFixed(0)}`);
}
await browser.close();
