// Many characters on the stage, and several pages that show it.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "../test.js";

const stage = (page) => page.getByRole("application", { name: "The stage" });

const live = (page) => page.getByRole("status").filter({ hasText: "Live" });

const number = async (page, name) => parseFloat((await page.getByTestId(name).innerText()).replace("−", "-"));

/** Opens the stage and joins with a character. */
async function join(page, name) {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Join the stage" }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
}

/** Returns the point of the page that shows a place, while all characters are within 1.6 m. */
async function pointOf(page, x, y) {
  const box = await stage(page).boundingBox();
  const scale = Math.min(box.width, box.height) / 2 / 1.6;
  return [box.x + box.width / 2 - y * scale, box.y + box.height / 2 - x * scale];
}

test("two pages see each other's character join, move and leave", async ({ page, context, server }) => {
  await join(page, "Ann");
  const other = await context.newPage();
  await join(other, "Bob");
  await page.getByRole("button", { name: "Bob", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Bob", exact: true })).toBeVisible();
  await expect(other.getByRole("button", { name: "Ann", exact: true })).toBeVisible();

  await stage(other).focus();
  const before = await number(page, "x");
  await other.keyboard.press("Shift+ArrowUp");
  await expect.poll(() => number(page, "x")).toBeCloseTo(before + 1, 1);

  await other.getByRole("button", { name: "Leave the stage" }).click();
  await expect(page.getByRole("button", { name: "Bob", exact: true })).toBeHidden();
  // Closing the page removes its character too.
  await join(other, "Bea");
  await expect(page.getByRole("button", { name: "Bea", exact: true })).toBeVisible();
  await other.close();
  await expect(page.getByRole("button", { name: /^Bea/ })).toBeHidden({ timeout: 25_000 });
});

test("one page draws within 250 ms what another page drags", async ({ page, context, server }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  const other = await context.newPage();
  await other.goto("/stage");
  await expect(live(other)).toBeVisible();
  await server.ask("position", "publish", "1", "0");
  await expect.poll(() => number(page, "azimuth")).toBe(0);
  await expect.poll(() => number(other, "azimuth")).toBe(0);

  /** Resolves to the time, by the clock that both pages share, at which the character's colour is at a point of the canvas. */
  const drawn = async (x, y) => {
    const box = await stage(other).boundingBox();
    const [left, top] = await pointOf(other, x, y);
    return stage(other).evaluate(
      async (canvas, [left, top]) => {
        const colour = getComputedStyle(canvas).getPropertyValue("--stage-colour-0").trim();
        const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
        const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
        const end = performance.now() + 5000;
        while (performance.now() < end) {
          await new Promise((resolve) => requestAnimationFrame(resolve));
          copy.drawImage(canvas, left, top, 1, 1, 0, 0, 1, 1);
          const { data } = copy.getImageData(0, 0, 1, 1);
          if (wanted.every((value, index) => Math.abs(data[index] - value) < 3)) return performance.timeOrigin + performance.now();
        }
        return NaN;
      },
      [left - box.x, top - box.y],
    );
  };
  await page.mouse.move(...(await pointOf(page, 1, 0)));
  await page.mouse.down();
  const delays = [];
  for (const [x, y] of [[0.6, 0.6], [-0.6, 0.6], [-0.6, -0.6], [0.6, -0.6], [0.6, 0.6]]) {
    const seen = drawn(x, y);
    const target = await pointOf(page, x, y);
    // The time at which the first page receives the pointer event.
    await stage(page).evaluate((canvas) => {
      window.moved = new Promise((resolve) =>
        canvas.addEventListener("pointermove", () => resolve(performance.timeOrigin + performance.now()), { once: true }),
      );
    });
    await page.mouse.move(...target);
    delays.push((await seen) - (await page.evaluate(() => window.moved)));
  }
  await page.mouse.up();
  delays.sort((one, other) => one - other);
  expect(delays[0]).toBeGreaterThan(0);
  // The median, since a busy machine delays single frames.
  expect(delays[2]).toBeLessThan(250);
});

test("characters are chosen, hidden, followed and taken over", async ({ page, server }) => {
  const simulated = server.run("position", "simulate", "12", "--radius", "3");
  await page.goto("/stage");
  await expect(page.getByTestId("characters")).toHaveText("13");
  await page.getByLabel("Search").fill("walker 7");
  await expect(page.getByText("1 of 13")).toBeVisible();
  await page.getByRole("button", { name: "Walker 7", exact: true }).click();
  await expect(page.getByText(/^Walker 7 is \d\.\d\d m away/)).toBeVisible();
  expect(await number(page, "distance")).toBeGreaterThan(0.2);
  await expect.poll(() => number(page, "rate")).toBeGreaterThan(15);

  await page.getByRole("button", { name: "Follow" }).click();
  const [width, height] = await stage(page).evaluate((canvas) => [canvas.clientWidth, canvas.clientHeight]);
  // The camera has centred the character.
  await page.getByRole("button", { name: "Walker 7", exact: true }).click();
  await stage(page).focus();
  await page.keyboard.press("Shift+ArrowUp");
  const character = async () => (await server.ask("position", "list")).find(({ name }) => name === "Walker 7");
  await expect.poll(async () => (await character()).epoch).toBe(2);
  const { x, y } = await character();
  // The character is held for a few seconds, then resumes its own movement.
  expect((await character()).x).toBe(x);
  await expect.poll(async () => (await character()).epoch, { timeout: 10_000 }).toBe(3);
  expect(Math.hypot((await character()).x - x, (await character()).y - y)).toBeGreaterThan(0.1);
  expect(width).toBeGreaterThan(height / 4);

  const hide = page.getByRole("button", { name: "Hide Walker 7" });
  await hide.click();
  await expect(hide).toHaveAttribute("aria-pressed", "true");
  await simulated.stop();
  await expect(page.getByTestId("characters")).toHaveText("1");
});

test("the pane of a user leads to the stage, where the user joins", async ({ page, server }) => {
  await page.goto("/users/2");
  await page.getByRole("link", { name: "Go to the stage" }).click();
  await expect(live(page)).toBeVisible();
  await page.getByRole("button", { name: "Join the stage" }).click();
  await expect(page.getByRole("heading", { name: "guest", exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: "User 2" })).toHaveAttribute("href", "/users/2");
  expect(await server.ask("position", "list")).toContainEqual(expect.objectContaining({ name: "guest", user_id: 2 }));
});

test("perspective, zoom and dragging the ground change the view and move no character", async ({ page, server }) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  const picture = () => stage(page).evaluate((canvas) => canvas.toDataURL());
  const above = await picture();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Perspective view" }).click();
  await expect(page.getByRole("button", { name: "Perspective view" })).toHaveAttribute("aria-pressed", "true");
  await expect.poll(picture).not.toBe(above);
  await page.getByRole("button", { name: "Top view" }).click();

  // Dragging the ground moves the character's colour off the canvas; "Show all" brings it back.
  const pixels = () =>
    stage(page).evaluate((canvas) => {
      const colour = getComputedStyle(canvas).getPropertyValue("--stage-colour-0").trim();
      const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) count += wanted.every((value, index) => data[at + index] === value);
      return count;
    });
  await expect.poll(pixels).toBeGreaterThan(100);
  const near = await pixels();
  await page.getByRole("button", { name: "Zoom out" }).click();
  await page.getByRole("button", { name: "Zoom in" }).click();
  const box = await stage(page).boundingBox();
  for (let drags = 0; drags < 3; drags += 1) {
    await page.mouse.move(box.x + 20, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 20, box.y + box.height - 20, { steps: 4 });
    await page.mouse.up();
  }
  await expect.poll(pixels).toBe(0);
  await page.getByRole("button", { name: "Show all" }).click();
  await expect.poll(pixels).toBeGreaterThan(near / 2);
  expect((await server.ask("position", "list"))[0].epoch).toBe(1);
});

test("a recording of the page plays at another speed", async ({ page }, info) => {
  await page.goto("/stage");
  await expect(live(page)).toBeVisible();
  await page.getByRole("button", { name: "Record", exact: true }).click();
  await expect(page.getByRole("status").filter({ hasText: /^Positions recorded: 1\d$/ })).toBeVisible();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Stop and save" }).click();
  const recorded = (await readFile(await (await download).path(), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
  expect(recorded.length).toBeGreaterThanOrEqual(10);
  expect(recorded[0]).toMatchObject({ character: 1, name: "Walker" });

  // Leaving the page saves a running recording.
  await page.getByRole("button", { name: "Record", exact: true }).click();
  await expect(page.getByRole("status").filter({ hasText: /^Positions recorded: \d$/ })).toBeVisible();
  const last = page.waitForEvent("download");
  await page.getByRole("link", { name: "Calls", exact: true }).click();
  expect((await last).suggestedFilename()).toBe("stage.ndjson");
  await page.getByRole("link", { name: "Stage", exact: true }).click();
  await expect(live(page)).toBeVisible();

  const file = info.outputPath("two.ndjson");
  const lines = [0, 1000, 2000].map((time_ms, at) => JSON.stringify({ time_ms, character: 9, name: "Cem", x: 3, y: at, z: 1 }));
  await writeFile(file, lines.join("\n"));
  await page.getByLabel("Speed").selectOption("0.5");
  await page.getByLabel("Play a recording…").setInputFiles(file);
  await expect(page.getByRole("button", { name: "Cem", exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Cem", exact: true }).click();
  await expect.poll(() => number(page, "y")).toBe(1);
  // At half the speed the recording ends after four seconds, and its character leaves.
  await expect(page.getByRole("button", { name: "Cem", exact: true })).toBeHidden();

  await writeFile(file, '{"time_ms":0,"x":1,"y":2}\n{"time_ms":0,"x":1}\n');
  await page.getByLabel("Play a recording…").setInputFiles(file);
  await expect(page.getByRole("alert").filter({ hasText: "two.ndjson: Cannot read line 2: missing field `y`" })).toBeVisible();
});

test("closing a tab removes its character", async ({ context, server }) => {
  const page = await context.newPage();
  await join(page, "Ann");
  const names = async () => (await server.ask("position", "list")).map(({ name }) => name);
  await expect.poll(names).toContain("Ann");
  await page.close();
  // Long before the server would evict the stale character.
  await expect.poll(names, { timeout: 2000 }).not.toContain("Ann");
});

test("a silent call is replaced, and the reader's character keeps its id", async ({ page, server }) => {
  const calls = [];
  page.on("websocket", (call) => calls.push(call));
  await join(page, "Ann");
  const characters = async () => (await server.ask("position", "list")).filter(({ name }) => name === "Ann").map(({ character }) => character);
  const [before] = await characters();
  expect(calls).toHaveLength(1);
  server.hang();
  await expect(page.getByRole("status").filter({ hasText: "Reconnecting" })).toBeVisible();
  await expect.poll(() => calls.length).toBeGreaterThan(1);
  server.resume();
  await expect(live(page)).toBeVisible();
  await expect.poll(characters).toEqual([before]);
  await page.getByRole("button", { name: "Leave the stage" }).click();
  await expect.poll(characters).toEqual([]);
});

test.describe("when the server goes away", () => {
  test.use({ serverGoesAway: true });

  test("the reader's character rejoins automatically", async ({ page, server }) => {
    await join(page, "Ann");
    await server.kill();
    await expect(page.getByRole("status").filter({ hasText: "Reconnecting" })).toBeVisible();
    await server.startAgain();
    await expect(live(page)).toBeVisible();
    await expect.poll(async () => (await server.ask("position", "list")).map((each) => each.name)).toContain("Ann");
    await expect(page.getByRole("button", { name: "Leave the stage" })).toBeVisible();
  });
});

test.describe("while the server is away", () => {
  test.use({ serverGoesAway: true });

  test("joining again and again makes one call", async ({ page, server }) => {
    await join(page, "Ann");
    await server.kill();
    await expect(page.getByRole("status").filter({ hasText: "Reconnecting" })).toBeVisible();
    const leave = page.getByRole("button", { name: "Leave the stage" });
    await leave.click();
    // Each click ends the call before, which is failing or waits for its retry.
    for (let times = 0; times < 4; times += 1) await page.getByRole("button", { name: "Join the stage" }).click();
    await server.startAgain();
    await expect(leave).toBeVisible({ timeout: 10_000 });
    // A second retry loop would make its call within the longest delay between retries, which is 3 s.
    await page.waitForTimeout(3500);
    expect(server.ended("PositionSync")).toBe(0);
    expect(await server.inProgress("PositionSync")).toBe(1);
  });
});
