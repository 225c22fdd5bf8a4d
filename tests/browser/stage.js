// Benchmark of a thousand moving characters in Chromium: `node stage.js URL`. Prints frame times over 30 s, and the memory of
// the page over ten minutes and over two hundred visits.
import { chromium } from "@playwright/test";

const FRAMES_FOR = 30_000;
const HEAP_FOR = 10 * 60_000;
const VISITS = 200;

const url = process.argv[2];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
const session = await context.newCDPSession(page);

// The memory of the WebAssembly program, which the browser's figures do not include.
await page.addInitScript(() => {
  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = async (...args) => {
    const program = await instantiateStreaming.apply(WebAssembly, args);
    window.programMemory ??= program.instance.exports.memory;
    return program;
  };
});

const print = (name, value, wanted) => console.log(`  ${name.padEnd(52)} ${value.padStart(24)}   (wanted: ${wanted})`);

/** Collects garbage, then returns the memory of JavaScript and WebAssembly in megabytes and the number of DOM nodes. */
async function heap() {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await session.send("Runtime.getHeapUsage");
  const { nodes } = await session.send("Memory.getDOMCounters");
  const program = await page.evaluate(() => window.programMemory.buffer.byteLength);
  return `${((usedSize + embedderHeapUsedSize + backingStorageSize + program) / 1e6).toFixed(1)} MB ${nodes} nodes`;
}

const allCharacters = () => page.waitForFunction(() => Number(document.querySelector("[data-testid=characters]")?.innerText) > 1000);

console.log("a thousand moving characters in Chromium");
await page.goto(`${url}/stage`);
await allCharacters();
await page.waitForTimeout(3000);
const frames = await page.evaluate(async (duration) => {
  const frames = [];
  const end = performance.now() + duration;
  for (let before = await new Promise(requestAnimationFrame); before < end; ) {
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - before);
    before = now;
  }
  return frames.sort((one, other) => one - other);
}, FRAMES_FOR);
print("median frame", `${frames[frames.length >> 1].toFixed(1)} ms`, "the display's 16.7");
print("99th percentile", `${frames[Math.floor(frames.length * 0.99)].toFixed(1)} ms`, "for comparison");
print("longest frame in 30 s", `${frames.at(-1).toFixed(1)} ms`, "at most 50");

const early = await heap();
await page.waitForTimeout(HEAP_FOR / 2);
const middle = await heap();
await page.waitForTimeout(HEAP_FOR / 2);
const late = await heap();
print("heap at the start, after 5 and 10 minutes", [early, middle, late].join(", "), "steady");

const visit = async () => {
  await page.getByRole("link", { name: "Calls", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Calls" }).waitFor();
  await page.getByRole("link", { name: "Stage", exact: true }).click();
  await allCharacters();
};
for (let count = 0; count < 10; count += 1) await visit();
const few = await heap();
for (let count = 10; count < VISITS; count += 1) await visit();
const many = await heap();
print("heap after 10 visits, and after 200", [few, many].join(", "), "steady");
await browser.close();
