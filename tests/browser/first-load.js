// Part of `cargo xtask bench first-load`: opens the users with an empty cache, on a slow machine and network, and prints the
// bytes and the times of the first load: `node first-load.js URL`.
import { chromium } from "@playwright/test";
import config from "./playwright.config.js";

/** The slowdown of the page's main thread. */
const CPU_SLOWDOWN = 4;
/** The network: 10 Mbit/s in bytes per second, and the round trip in milliseconds. */
const NETWORK = { offline: false, latency: 40, downloadThroughput: 10e6 / 8, uploadThroughput: 10e6 / 8 };
/** The time without a long task after which the page counts as interactive, in milliseconds. */
const QUIET_TIME = 1000;
const VISITS = 5;

const url = process.argv[2];

/** Records the time at which the first rows and the pane are on screen, and the tasks of more than 50 ms. Runs in the page. */
function record() {
  const shown = (selector) =>
    new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        if (!document.querySelector(selector)) return;
        observer.disconnect();
        // A message that is posted before the frame is drawn arrives after it.
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now());
          port2.postMessage(undefined);
        });
      });
      observer.observe(document, { childList: true, subtree: true });
    });
  const rows = shown("tbody:not(.spacer) td.name");
  const pane = shown("aside form input");
  const longTasks = [];
  new PerformanceObserver((list) => longTasks.push(...list.getEntries())).observe({ type: "longtask", buffered: true });
  const clicked = new Promise((resolve) => addEventListener("click", ({ timeStamp }) => resolve(timeStamp), { capture: true }));

  globalThis.firstLoad = {
    /** Returns the times of the load, in milliseconds, once the page is interactive. */
    async times(quietTime) {
      const rowsShown = await rows;
      let interactive = rowsShown;
      do {
        await new Promise((resolve) => setTimeout(resolve, interactive + quietTime - performance.now()));
        interactive = Math.max(interactive, ...longTasks.map(({ startTime, duration }) => startTime + duration));
      } while (performance.now() < interactive + quietTime);
      const resource = (end) => performance.getEntriesByType("resource").find(({ name }) => new URL(name).pathname.endsWith(end));
      const call = resource("/ListUsers");
      return {
        firstPaint: performance.getEntriesByName("first-contentful-paint")[0].startTime,
        program: resource("_bg.wasm").responseEnd,
        callSent: call.startTime,
        callReceived: call.responseEnd,
        rowsShown,
        interactive,
        longestTask: Math.max(0, ...longTasks.map(({ duration }) => duration)),
      };
    },
    /** Returns the time from the click to the pane, in milliseconds. */
    paneDelay: async () => (await pane) - (await clicked),
  };
}

function kindOf(mimeType) {
  if (mimeType.startsWith("application/grpc")) return "calls";
  const [type, subtype] = mimeType.split("/");
  return type === "image" ? type : subtype;
}

/** Counts the bytes on the network by kind of resource, until `stop` is called. */
async function countBytes(session) {
  const kinds = new Map();
  const bytes = {};
  let isCounting = true;
  const add = (requestId, count) => {
    const kind = kinds.get(requestId);
    if (kind && isCounting) bytes[kind] = (bytes[kind] ?? 0) + count;
  };
  session.on("Network.responseReceived", ({ requestId, response: { mimeType, url, encodedDataLength } }) => {
    if (url.startsWith("data:")) return;
    kinds.set(requestId, kindOf(mimeType));
    // The headers. The parts of the body follow, because the stream of changes never finishes.
    add(requestId, encodedDataLength);
  });
  session.on("Network.dataReceived", ({ requestId, encodedDataLength }) => add(requestId, encodedDataLength));
  await session.send("Network.enable");
  return {
    stop: () => {
      isCounting = false;
      return bytes;
    },
  };
}

/** Opens the page in a browser context of its own, which has an empty cache. */
async function visit(browser) {
  const context = await browser.newContext({ viewport: config.use.viewport });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  const counter = await countBytes(session);
  await session.send("Network.emulateNetworkConditions", NETWORK);
  await session.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
  await page.addInitScript(record);
  await page.goto(`${url}/users`, { waitUntil: "commit" });
  const times = await page.evaluate((quietTime) => globalThis.firstLoad.times(quietTime), QUIET_TIME);
  const bytes = counter.stop();
  const { x, y } = await page.evaluate(() => {
    const link = [...document.querySelectorAll("a")].find(({ textContent }) => textContent === "Add user");
    const { left, top, width, height } = link.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  });
  await page.mouse.click(x, y);
  times.paneDelay = await page.evaluate(() => globalThis.firstLoad.paneDelay());
  await context.close();
  return { times, bytes };
}

const median = (values) => values.toSorted((one, other) => one - other)[values.length >> 1];
const print = (name, value, target) =>
  console.log(`  ${name.padEnd(44)} ${value.padStart(10)}${target ? `   (target: ${target})` : ""}`);

const browser = await chromium.launch(config.use.launchOptions);
const visits = [];
for (let index = 0; index < VISITS; index++) visits.push(await visit(browser));
await browser.close();

const totals = visits.map(({ bytes }) => Object.values(bytes).reduce((sum, count) => sum + count, 0));
const kilobytes = (count) => `${(count / 1000).toFixed(1)} kB`;
print("bytes on the network", kilobytes(median(totals)), "at most 190 kB");
for (const kind of Object.keys(visits[0].bytes)) {
  print(`  ${kind}`, kilobytes(median(visits.map(({ bytes }) => bytes[kind] ?? 0))));
}
const time = (name, field, target) => print(name, `${median(visits.map(({ times }) => times[field])).toFixed(0)} ms`, target);
time("program downloaded", "program");
time("first paint of content", "firstPaint");
time("first ListUsers sent", "callSent");
time("its response received", "callReceived");
time("first rows shown", "rowsShown");
time("interactive: rows, and no task over 50 ms", "interactive", "at most 1500 ms");
time("longest task", "longestTask");
time("from a click on Add user to its pane", "paneDelay");
