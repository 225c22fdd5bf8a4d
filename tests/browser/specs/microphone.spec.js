// The page with a microphone: speak, and record what is heard of it from where a character goes.
import { mkdtempSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decibels, readWav, writeWav } from "../hearing.js";
import config from "../playwright.config.js";
import { expect, test } from "../test.js";

/** What the microphone hears: noise, which can be located best. */
function voice() {
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 0.1 * (state / 2 ** 31 - 1);
  };
  const file = join(mkdtempSync(join(tmpdir(), "soundstage-voice-")), "voice.wav");
  writeFileSync(file, writeWav(Array.from({ length: 96_000 }, noise), 48_000));
  return file;
}

const { launchOptions } = config.use;

test.use({
  launchOptions: {
    ...launchOptions,
    args: [
      ...launchOptions.args,
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${voice()}`,
    ],
  },
});

/** How much louder the left ear hears it than the right, in decibels, each tenth of a second. */
function leanings({ rate, left, right }) {
  const step = rate / 10;
  return Array.from({ length: Math.floor(left.length / step) }, (_, at) => {
    const part = (channel) => decibels(channel.subarray(at * step, (at + 1) * step));
    return part(left) - part(right);
  });
}

test("the recording follows the character round", async ({ page }) => {
  await page.goto("/stage");
  await page.getByRole("button", { name: "Turn the sound on" }).click();
  await page.getByLabel("Walker sounds like").selectOption("Your microphone");
  const level = (channel) => page.getByTestId(`level-${channel}`).evaluate((meter) => meter.value);
  await expect.poll(() => level(0)).toBeGreaterThan(-40);
  // It is let go of with the sound, and had again with it.
  await page.getByRole("button", { name: "Turn the sound off" }).click();
  await page.getByRole("button", { name: "Turn the sound on" }).click();
  await expect.poll(() => level(0)).toBeGreaterThan(-40);

  const azimuth = async () => parseFloat((await page.getByTestId("azimuth").innerText()).replace("−", "-"));
  await page.getByRole("button", { name: "Record the sound" }).click();
  await expect(page.getByRole("status").filter({ hasText: /^0 s$/ })).toBeVisible();
  const begun = await azimuth();
  // A turn takes 7.2 s.
  await expect(page.getByRole("status").filter({ hasText: /^8 s$/ })).toBeVisible({ timeout: 15_000 });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Stop and save" }).click();
  expect((await download).suggestedFilename()).toBe("stage.wav");

  const recording = readWav(await readFile(await (await download).path()));
  const heard = leanings(recording).slice(0, 72);
  expect(heard.length).toBe(72);
  const [leftmost, rightmost] = [Math.max(...heard), Math.min(...heard)];
  expect(leftmost).toBeGreaterThan(5);
  expect(rightmost).toBeLessThan(-5);
  // Where it is heard: the direction in which the differences lie, as the phase of their turn.
  const turn = heard.map((_, at) => (at / 72) * 2 * Math.PI);
  const [sine, cosine] = [Math.sin, Math.cos].map((wave) => heard.reduce((sum, lean, at) => sum + lean * wave(turn[at]), 0));
  const heardAt = (Math.atan2(cosine, sine) * 180) / Math.PI;
  const apart = ((heardAt - begun + 540) % 360) - 180;
  // It turns by 50 degrees in a second, some of which pass from the button to the first block.
  expect(Math.abs(apart)).toBeLessThan(35);
});
