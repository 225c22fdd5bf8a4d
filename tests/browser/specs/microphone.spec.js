// The microphone as the sound of a character: a recording follows the character.
import { mkdtempSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decibels, readWav, writeWav } from "../hearing.js";
import config from "../playwright.config.js";
import { expect, test } from "../test.js";

/** Writes a file of noise for the fake microphone: noise is the easiest sound to localize. */
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

/** Returns the level difference between the left and the right channel in decibels, each tenth of a second. */
function levelDifferences({ rate, left, right }) {
  const step = rate / 10;
  return Array.from({ length: Math.floor(left.length / step) }, (_, at) => {
    const part = (channel) => decibels(channel.subarray(at * step, (at + 1) * step));
    return part(left) - part(right);
  });
}

test("the recording follows the character around the listener", async ({ page }) => {
  await page.goto("/stage");
  await page.getByRole("button", { name: "Turn sound on" }).click();
  await page.getByLabel("Sound of Walker").selectOption("Your microphone");
  const level = (channel) => page.getByTestId(`level-${channel}`).evaluate((meter) => meter.value);
  await expect.poll(() => level(0)).toBeGreaterThan(-40);
  // Turning the sound off releases the microphone; turning it on asks again.
  await page.getByRole("button", { name: "Turn sound off" }).click();
  await page.getByRole("button", { name: "Turn sound on" }).click();
  await expect.poll(() => level(0)).toBeGreaterThan(-40);

  const azimuth = async () => parseFloat((await page.getByTestId("azimuth").innerText()).replace("−", "-"));
  await page.getByRole("button", { name: "Record sound" }).click();
  await expect(page.getByRole("status").filter({ hasText: /^0 s$/ })).toBeVisible();
  const startAzimuth = await azimuth();
  // A full turn takes 7.2 s.
  await expect(page.getByRole("status").filter({ hasText: /^8 s$/ })).toBeVisible({ timeout: 15_000 });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Stop and save" }).click();
  expect((await download).suggestedFilename()).toBe("stage.wav");

  const recording = readWav(await readFile(await (await download).path()));
  const differences = levelDifferences(recording).slice(0, 72);
  expect(differences.length).toBe(72);
  const [leftmost, rightmost] = [Math.max(...differences), Math.min(...differences)];
  expect(leftmost).toBeGreaterThan(5);
  expect(rightmost).toBeLessThan(-5);
  // The azimuth at the start of the recording: the phase of the level difference over a full turn.
  const turn = differences.map((_, at) => (at / 72) * 2 * Math.PI);
  const [sine, cosine] = [Math.sin, Math.cos].map((wave) => differences.reduce((sum, difference, at) => sum + difference * wave(turn[at]), 0));
  const recordedAzimuth = (Math.atan2(cosine, sine) * 180) / Math.PI;
  const error = ((recordedAzimuth - startAzimuth + 540) % 360) - 180;
  // The character turns by 50 degrees per second, and some time passes between the click and the first block.
  expect(Math.abs(error)).toBeLessThan(35);
});

test("the microphone is released once no character has it", async ({ page }) => {
  await page.addInitScript(() => {
    window.tracks = [];
    const devices = navigator.mediaDevices;
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await open(constraints);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
  });
  await page.goto("/stage");
  await page.getByRole("button", { name: "Turn sound on" }).click();
  const states = () => page.evaluate(() => window.tracks.map((track) => track.readyState));
  const source = page.getByLabel("Sound of Walker");
  await source.selectOption("Your microphone");
  await expect.poll(states).toEqual(["live"]);
  await source.selectOption("Tone");
  await expect.poll(states).toEqual(["ended"]);
  // A choice made while the browser asks for the microphone wins over the microphone.
  await page.evaluate(() => {
    const devices = navigator.mediaDevices;
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      await new Promise((resolve) => (window.allow = resolve));
      return open(constraints);
    };
  });
  await source.selectOption("Your microphone");
  await source.selectOption("Voice");
  await page.evaluate(() => window.allow());
  await expect.poll(states).toEqual(["ended", "ended"]);
  await expect(source).toHaveValue("voice");
});
