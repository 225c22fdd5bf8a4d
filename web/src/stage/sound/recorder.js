// Sends what the listener hears to the page, in blocks of interleaved samples of both channels. This is JavaScript,
// since the audio thread cannot load the page's WebAssembly.
const FRAMES = 4096;

class Recorder extends AudioWorkletProcessor {
  #block = new Float32Array(2 * FRAMES);
  #filled = 0;
  #isRunning = true;

  constructor() {
    super();
    // The browser keeps a processor until `process` returns false.
    this.port.onmessage = ({ data }) => {
      if (data === "end") this.#isRunning = false;
    };
  }

  process([[left, right = left]]) {
    if (left) {
      for (let frame = 0; frame < left.length; frame += 1) {
        this.#block[this.#filled] = left[frame];
        this.#block[this.#filled + 1] = right[frame];
        this.#filled += 2;
        if (this.#filled === this.#block.length) {
          this.port.postMessage(this.#block);
          this.#block = new Float32Array(2 * FRAMES);
          this.#filled = 0;
        }
      }
    }
    return this.#isRunning;
  }
}

registerProcessor("recorder", Recorder);
