// The page *Stage*: the default character in numbers and pixels, input, and the stream.
import { expect, test } from "../test.js";

/** Returns a readout as a number. */
const number = async (page, name) => parseFloat((await page.getByTestId(name).innerText()).replace("−", "-"));

const live = (page) => page.getByRole("status").filter({ hasText: "Live" });

const stage = (page) => page.getByRole("application", { name: "The stage" });

/** Returns the angle from a to b in degrees, from -180 to 180. */
const turn = (a, b) => ((((b - a + 180) % 360) + 360) % 360) - 180;

/**
 * Returns the centre of the pixels of the character's colour, in metres. The nearer edge of the canvas is 1.6 m from the
 * listener while the character walks its circle.
 */
const characterOnCanvas = (page) =>
  stage(page).evaluate((canvas) => {
    const colour = getComputedStyle(canvas).getPropertyValue("--stage-colour-0").trim();
    const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    const { width, height } = canvas;
    // Reading pixels from the canvas itself would change how the browser draws it.
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    let [count, left, top] = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) {
      if (wanted.every((value, index) => data[at + index] === value)) {
        count += 1;
        left += (at / 4) % width;
        top += Math.floor(at / 4 / width);
      }
    }
    const scale = Math.min(width, height) / 2 / 1.6;
    return { count, x: (height / 2 - top / count) / scale, y: (width / 2 - left / count) / scale };
  });

test("the character walks its circle, in numbers and in pixels", async ({ page }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await expect.poll(() => number(page, "azimuth")).not.toBeNaN();
  // Three seconds of numbers, read together each time they change.
  const readouts = await page.getByLabel("Readouts").evaluate(async (readouts) => {
    const of = (id) => parseFloat(readouts.querySelector(`[data-testid=${id}]`).innerText.replace("−", "-"));
    const taken = [];
    const observer = new MutationObserver(() => {
      taken.push({ time: performance.now(), x: of("x"), y: of("y"), azimuth: of("azimuth"), distance: of("distance") });
    });
    observer.observe(readouts.querySelector("[data-testid=azimuth]"), { characterData: true, childList: true, subtree: true });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    observer.disconnect();
    return taken;
  });
  for (const { x, y, azimuth, distance } of readouts) {
    expect(distance).toBeCloseTo(1, 1);
    expect(x).toBeCloseTo(Math.cos((azimuth * Math.PI) / 180), 1);
    expect(y).toBeCloseTo(Math.sin((azimuth * Math.PI) / 180), 1);
  }
  expect(Math.abs(turn(readouts[0].azimuth, readouts.at(-1).azimuth))).toBeGreaterThan(80);
  // 50 degrees per second to the left: the median, since a busy machine delays single steps.
  const speeds = readouts.slice(1).map(({ time, azimuth }, at) => (turn(readouts[at].azimuth, azimuth) / (time - readouts[at].time)) * 1000);
  const middle = speeds.sort((one, other) => one - other)[speeds.length >> 1];
  expect(middle).toBeGreaterThan(35);
  expect(middle).toBeLessThan(65);

  const drawn = await characterOnCanvas(page);
  expect(drawn.count).toBeGreaterThan(100);
  expect(Math.hypot(drawn.x, drawn.y)).toBeGreaterThan(0.9);
  expect(Math.hypot(drawn.x, drawn.y)).toBeLessThan(1.1);
  const moved = async () => {
    const now = await characterOnCanvas(page);
    return Math.hypot(now.x - drawn.x, now.y - drawn.y);
  };
  await expect.poll(moved).toBeGreaterThan(0.5);
  await expect(page.getByText(/Walker is 1\.\d\d m away, .+ \(−?\d+°\)\./)).toBeVisible();
});

test("ten samples per second arrive and are drawn after the playout delay", async ({ page }) => {
  await page.goto("/stage");
  // The tolerance is for a busy machine.
  await expect.poll(async () => Math.abs((await number(page, "rate")) - 10)).toBeLessThan(1);
  expect(await number(page, "age")).toBeLessThan(1000);
  await expect(page.getByTestId("playout-delay")).toHaveText("150 ms");
});

test("dragging publishes the place of the character", async ({ page, server }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  const box = await stage(page).boundingBox();
  const scale = Math.min(box.width, box.height) / 2 / 1.6;
  const at = (x, y) => [box.x + box.width / 2 - y * scale, box.y + box.height / 2 - x * scale];
  // The server holds a published character in place, so that the pointer finds it.
  await server.ask("position", "publish", "1", "0");
  await expect.poll(() => number(page, "azimuth")).toBe(0);
  await page.mouse.move(...at(1, 0));
  await page.mouse.down();
  await page.mouse.move(...at(0.5, 0.5), { steps: 5 });
  await page.mouse.move(...at(-0.5, 1.2), { steps: 5 });
  await expect.poll(async () => (await server.ask("position", "get"))[0].y).toBeCloseTo(1.2, 1);
  expect((await server.ask("position", "get"))[0].x).toBeCloseTo(-0.5, 1);
  await page.mouse.up();
  await expect.poll(() => number(page, "y")).toBeCloseTo(1.2, 1);
  // After three seconds the character walks on.
  await expect.poll(() => number(page, "distance"), { timeout: 10_000 }).toBeCloseTo(1, 2);
});

test("the arrow keys move the character", async ({ page, server }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await server.ask("position", "publish", "0.5", "0.5", "0.5");
  await expect.poll(() => number(page, "z")).toBe(0.5);
  await stage(page).focus();
  await page.keyboard.press("Shift+ArrowUp");
  await expect.poll(async () => (await server.ask("position", "get"))[0].x).toBeCloseTo(1.5, 5);
  await expect.poll(() => number(page, "x")).toBe(1.5);
  await page.keyboard.press("ArrowRight");
  await expect.poll(async () => (await server.ask("position", "get"))[0].y).toBeCloseTo(0.4, 5);
  await page.keyboard.press("Shift+D");
  await expect.poll(async () => (await server.ask("position", "get"))[0].y).toBeCloseTo(-0.6, 5);
  await page.keyboard.press("e");
  await expect.poll(async () => (await server.ask("position", "get"))[0].z).toBeCloseTo(0.6, 5);
});

test("pausing ends the stream, and resuming starts another", async ({ page, server }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Paused" })).toBeVisible();
  await expect.poll(() => server.ended("PositionSub")).toBe(1);
  const still = await page.getByTestId("azimuth").innerText();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(live(page)).toBeVisible();
  await expect(page.getByTestId("azimuth")).not.toHaveText(still);
});

test("a hidden page holds no stream", async ({ page, server }) => {
  const show = (state) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, state);
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await show("hidden");
  await expect.poll(() => server.ended("PositionSub")).toBe(1);
  await show("visible");
  await expect(live(page)).toBeVisible();
});

test("leaving the page ends its stream", async ({ page, server }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await page.getByRole("link", { name: "Users" }).click();
  await expect(page.getByRole("grid")).toBeVisible();
  await expect.poll(() => server.ended("PositionSub")).toBe(1);
});

test.describe("with reduced motion", () => {
  test.use({ contextOptions: { reducedMotion: "reduce" } });

  test("the canvas changes once per second and has no trails", async ({ page }) => {
    await page.goto("/stage");
    await expect(live(page)).toBeVisible();
    const pictures = await stage(page).evaluate(async (canvas) => {
      const seen = new Set();
      const end = performance.now() + 3000;
      while (performance.now() < end) {
        seen.add(canvas.toDataURL());
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return seen.size;
    });
    expect(pictures).toBeGreaterThanOrEqual(2);
    expect(pictures).toBeLessThanOrEqual(5);
  });
});

test.describe("when the server goes away", () => {
  test.use({ serverGoesAway: true });

  test("the page reports it and reconnects without a reload", async ({ page, server }) => {
    await page.goto("/stage");
    await expect(live(page)).toBeVisible();
    await page.evaluate(() => (window.stillTheSamePage = true));
    await server.kill();
    await expect(page.getByRole("status").filter({ hasText: "Reconnecting" })).toBeVisible();
    await server.startAgain();
    await expect(live(page)).toBeVisible();
    expect(await page.evaluate(() => window.stillTheSamePage)).toBe(true);
  });
});
