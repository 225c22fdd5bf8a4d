// Measurements of stereo recordings, and WAV files.

/** Returns the level of samples in decibels. */
export const decibels = (samples) =>
  10 * Math.log10(samples.reduce((power, sample) => power + sample * sample, 0) / samples.length);

/** Returns the lag of the right channel behind the left in samples, at most 60. */
export function lag(left, right) {
  let best = { correlation: -Infinity, lag: 0 };
  for (let lag = -60; lag <= 60; lag += 1) {
    let correlation = 0;
    for (let at = 100; at < left.length - 100; at += 1) correlation += left[at] * right[at + lag];
    if (correlation > best.correlation) best = { correlation, lag };
  }
  return best.lag;
}

/** Returns the largest second difference of samples, which is large at a click. */
export function sharpestBend(samples) {
  let sharpest = 0;
  for (let at = 2; at < samples.length; at += 1) {
    sharpest = Math.max(sharpest, Math.abs(samples[at] - 2 * samples[at - 1] + samples[at - 2]));
  }
  return sharpest;
}

/** Returns both channels and the sample rate of a stereo WAV file of 16-bit samples. */
export function readWav(file) {
  const samples = new Int16Array(file.buffer, file.byteOffset + 44, (file.length - 44) / 2);
  const channel = (first) => Float32Array.from({ length: samples.length / 2 }, (_, at) => samples[2 * at + first] / 32768);
  return { rate: file.readUInt32LE(24), left: channel(0), right: channel(1) };
}

/** Returns a mono WAV file of 16-bit samples, given from -1 to 1. */
export function writeWav(samples, rate) {
  const file = Buffer.alloc(44 + 2 * samples.length);
  file.write("RIFF");
  file.writeUInt32LE(36 + 2 * samples.length, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((sample, at) => file.writeInt16LE(Math.round(sample * 32767), 44 + 2 * at));
  return file;
}
