// The sound of a source at a place, as on the page, rendered offline.
import { openWithCalls } from "../calls.js";
import { decibels, lag, sharpestBend } from "../hearing.js";
import { expect, test } from "../test.js";

const RATE = 48_000;

/** Renders a source along a track of [seconds, forward, left, up]. Returns both channels. */
async function rendered(page, { seconds, track, tone = null }) {
  const channels = await page.evaluate(
    async ({ seconds, track, tone, rate }) => {
      const context = new OfflineAudioContext(2, seconds * rate, rate);
      const buffer = context.createBuffer(1, seconds * rate, rate);
      let state = 1;
      buffer.getChannelData(0).forEach((_, at, samples) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        samples[at] = tone ? 0.2 * Math.sin((2 * Math.PI * tone * at) / rate) : 0.1 * (state / 2 ** 31 - 1);
      });
      const source = new AudioBufferSourceNode(context, { buffer });
      const [[, ...first], ...others] = track;
      const panned = new window.calls.PannedSource(context, source, ...first);
      for (const [time, ...place] of others) {
        context.suspend(time).then(() => {
          panned.move_to(...place, context.currentTime);
          context.resume();
        });
      }
      source.start();
      const rendered = await context.startRendering();
      panned.free();
      return [0, 1].map((channel) => Array.from(rendered.getChannelData(channel)));
    },
    { seconds, track, tone, rate: RATE },
  );
  // Without the fade-in.
  return channels.map((samples) => Float32Array.from(samples.slice(RATE / 2)));
}

/**
 * Waits until the browser has loaded its HRTF, and keeps it loaded: Chromium can hang if offline rendering starts before. A
 * playing context is silent until then.
 */
async function loadHrtf(page) {
  // A page may make sound after a click.
  await page.mouse.click(1, 1);
  await page.evaluate(async (sampleRate) => {
    const context = new AudioContext({ sampleRate });
    window.keptContext = context;
    await context.resume();
    const source = new ConstantSourceNode(context, { offset: 0.001 });
    const meter = new AnalyserNode(context);
    source.connect(new PannerNode(context, { panningModel: "HRTF", positionX: 1 })).connect(meter).connect(context.destination);
    source.start();
    const samples = new Float32Array(meter.fftSize);
    while (samples.every((sample) => sample === 0)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      meter.getFloatTimeDomainData(samples);
    }
  }, RATE);
}

/** Renders a source that stands still. */
const still = (page, ...place) => rendered(page, { seconds: 1, track: [[0, ...place]] });

test.describe("a source", () => {
  test.beforeEach(async ({ page }) => {
    await openWithCalls(page);
    await loadHrtf(page);
  });

  test("is louder and earlier at the nearer ear", async ({ page }) => {
    const [left, right] = await still(page, 0, 1.4, 0);
    expect(decibels(left) - decibels(right)).toBeGreaterThan(6);
    expect(lag(left, right)).toBeGreaterThan(15);
    expect(lag(left, right)).toBeLessThan(45);
  });

  test("in front or behind keeps its side", async ({ page }) => {
    for (const forward of [1, -1]) {
      const [left, right] = await still(page, forward, -1, 0);
      expect(decibels(right) - decibels(left)).toBeGreaterThan(4);
      expect(lag(left, right)).toBeLessThan(-8);
      const [leftAhead, rightAhead] = await still(page, 1.4 * forward, 0, 0);
      expect(Math.abs(decibels(leftAhead) - decibels(rightAhead))).toBeLessThan(1.5);
    }
  });

  test("is 6 dB softer at twice the distance, and no louder within 0.2 m", async ({ page }) => {
    const loudness = async (...place) => decibels((await still(page, ...place))[0]);
    const near = await loudness(1.4, 0, 0);
    expect(Math.abs(near - (await loudness(2.8, 0, 0)) - 6.02)).toBeLessThan(0.5);
    expect(Math.abs((await loudness(0.2, 0, 0)) - (await loudness(0.1, 0, 0)))).toBeLessThan(0.1);
    expect(Math.abs((await loudness(0.2, 0, 0)) - near - 16.9)).toBeLessThan(0.5);
  });

  test("makes no clicks on a full circle", async ({ page }) => {
    const circle = Array.from({ length: 4 * 40 }, (_, step) => {
      const angle = (2 * Math.PI * step) / (4 * 40);
      return [step / 40, Math.cos(angle), Math.sin(angle), 0];
    });
    const bend = (channels) => Math.max(...channels.map(sharpestBend));
    // The sharpest bend of the tone at places where it stands still.
    let reference = 0;
    for (const place of [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]) {
      reference = Math.max(reference, bend(await rendered(page, { seconds: 1, track: [[0, ...place]], tone: 440 })));
    }
    expect(reference).toBeLessThan(0.01);
    expect(bend(await rendered(page, { seconds: 4, track: circle, tone: 440 }))).toBeLessThan(1.3 * reference);
  });
});

test.describe("a recording that has ended", () => {
  // The policy of the page forbids the probe, which is a script of the test.
  test.use({ bypassCSP: true });

  test("ends its processor in the audio thread", async ({ page }) => {
    await page.addInitScript(() => {
      // The processor reports each call that returns false, over a port of the test. The browser makes one such call.
      window.dropped = 0;
      const { addModule } = AudioWorklet.prototype;
      AudioWorklet.prototype.addModule = async function (url) {
        const probed = `registerProcessor("recorder", class extends Recorder {
          constructor() {
            super();
            this.port.addEventListener("message", ({ data }) => (this.probe ??= data.probe));
            this.port.start();
          }
          process(inputs) {
            const isRunning = super.process(inputs);
            if (!isRunning) this.probe.postMessage("dropped");
            return isRunning;
          }
        })`;
        const source = await (await fetch(url)).text();
        const body = source.replace('registerProcessor("recorder", Recorder)', probed);
        return addModule.call(this, URL.createObjectURL(new Blob([body], { type: "text/javascript" })));
      };
      window.AudioWorkletNode = class extends AudioWorkletNode {
        constructor(...args) {
          super(...args);
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => (window.dropped += 1);
          this.port.postMessage({ probe: port2 }, [port2]);
        }
      };
    });
    await page.goto("/stage");
    await page.getByRole("button", { name: "Turn sound on" }).click();
    await page.getByRole("button", { name: "Record sound" }).click();
    await expect(page.getByRole("button", { name: "Stop and save" })).toBeVisible();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Stop and save" }).click();
    await download;
    await expect.poll(() => page.evaluate(() => window.dropped)).toBe(1);
  });
});
