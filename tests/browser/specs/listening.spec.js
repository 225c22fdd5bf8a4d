// The controls of the sound: on and off, volume, sources and recordings.
import { readFile } from "node:fs/promises";
import { readWav, writeWav } from "../hearing.js";
import { expect, test } from "../test.js";

const level = (page, channel = 0) => page.getByTestId(`level-${channel}`).evaluate((meter) => meter.value);

test.beforeEach(async ({ page, server }) => {
  await page.addInitScript(() => {
    window.contexts = 0;
    const Context = window.AudioContext;
    window.AudioContext = class extends Context {
      constructor(...args) {
        super(...args);
        window.contexts += 1;
      }
    };
  });
  await page.goto("/stage");
  await expect(page.getByRole("status").filter({ hasText: "Live" })).toBeVisible();
  // On the left; the server holds the character there.
  await server.ask("position", "publish", "0", "1");
});

test.use({ serverOptions: ["--hold", "20s"] });

test("the sound starts on request and stops when it is turned off", async ({ page }) => {
  expect(await page.evaluate(() => window.contexts)).toBe(0);
  await expect(page.getByLabel("Volume")).toBeHidden();
  await page.getByRole("button", { name: "Turn sound on" }).click();
  expect(await page.evaluate(() => window.contexts)).toBe(1);
  await expect.poll(() => level(page)).toBeGreaterThan(-50);
  // The right ear hears less.
  await expect.poll(async () => (await level(page, 0)) - (await level(page, 1))).toBeGreaterThan(2);
  await expect(page.getByTestId("latency")).toHaveText(/^Sound delay: [1-9]\d\d ms$/);
  await page.getByRole("button", { name: "Turn sound off" }).click();
  await expect(page.getByLabel("Volume")).toBeHidden();
});

test("volume, mute and solo change the levels", async ({ page, server }) => {
  const other = server.run("position", "simulate", "1", "--radius", "3");
  await page.getByRole("button", { name: "Turn sound on" }).click();
  await expect.poll(() => level(page)).toBeGreaterThan(-50);
  await page.getByLabel("Volume").fill("0");
  await expect.poll(() => level(page)).toBeLessThan(-59);
  await page.getByLabel("Volume").fill("80");
  await expect.poll(() => level(page)).toBeGreaterThan(-50);

  await page.getByRole("button", { name: "Solo" }).click();
  await page.getByRole("button", { name: "Mute" }).click();
  await expect.poll(() => level(page)).toBeLessThan(-59);
  await expect(page.getByRole("button", { name: "Mute" })).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("button", { name: "Walker 1", exact: true }).click();
  await expect(page.getByRole("button", { name: "Mute" })).toHaveAttribute("aria-pressed", "false");
  await page.getByRole("button", { name: "Solo" }).click();
  await expect.poll(() => level(page)).toBeGreaterThan(-55);
  await page.getByLabel("Sound of Walker 1").selectOption("Silence");
  await expect.poll(() => level(page)).toBeLessThan(-59);
  await page.getByLabel("Sound of Walker 1").selectOption("Voice");
  await expect.poll(() => level(page)).toBeGreaterThan(-55);
  await other.stop();
});

test("a dropped file becomes the sound of the character", async ({ page }) => {
  await expect(page.getByTestId("y")).toHaveText("1.00 m");
  const drop = async (name, bytes) =>
    page.getByRole("application", { name: "The stage" }).evaluate(
      (canvas, { name, bytes }) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
        const box = canvas.getBoundingClientRect();
        const scale = Math.min(box.width, box.height) / 2 / 1.6;
        const at = { clientX: box.x + box.width / 2 - scale, clientY: box.y + box.height / 2 };
        canvas.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true, ...at }));
      },
      { name, bytes: [...bytes] },
    );
  await page.getByRole("button", { name: "Turn sound on" }).click();
  const tone = Array.from({ length: 24_000 }, (_, at) => 0.5 * Math.sin(at / 8));
  await drop("tone.wav", writeWav(tone, 48_000));
  await expect(page.getByLabel("Sound of Walker")).toHaveValue("file");
  await expect.poll(() => level(page)).toBeGreaterThan(-20);
  // Settings survive turning the sound off and on.
  await page.getByRole("button", { name: "Turn sound off" }).click();
  await page.getByRole("button", { name: "Turn sound on" }).click();
  await expect(page.getByLabel("Sound of Walker")).toHaveValue("file");
  await expect.poll(() => level(page)).toBeGreaterThan(-20);
  expect(await page.evaluate(() => window.contexts)).toBe(1);
  await drop("notes.txt", Buffer.from("no sound"));
  await expect(page.getByRole("alert").filter({ hasText: "The browser cannot decode notes.txt. Choose another sound file." })).toBeVisible();
});

test("turning the sound off and leaving the page save a running recording", async ({ page }) => {
  await page.getByRole("button", { name: "Turn sound on" }).click();
  const record = async () => {
    await page.getByRole("button", { name: "Record sound" }).click();
    await expect(page.getByRole("status").filter({ hasText: /^1 s$/ })).toBeVisible();
  };
  const saved = async (leave) => {
    const download = page.waitForEvent("download");
    await leave();
    expect((await download).suggestedFilename()).toBe("stage.wav");
    const { rate, left } = readWav(await readFile(await (await download).path()));
    expect(left.length).toBeGreaterThan(0.4 * rate);
  };
  await record();
  await saved(() => page.getByRole("button", { name: "Turn sound off" }).click());
  await page.getByRole("button", { name: "Turn sound on" }).click();
  await record();
  await saved(() => page.getByRole("link", { name: "Calls", exact: true }).click());
});
