//! A stereo recording, and its WAV file.

const CHANNELS: u16 = 2;
const SAMPLE_BYTES: u16 = 2;

/// A recording of 16-bit stereo samples, left and right interleaved.
#[derive(Debug, Default)]
pub(super) struct SoundRecording {
    samples: Vec<i16>,
}

impl SoundRecording {
    /// Appends interleaved samples from -1 to 1. Louder samples are clipped.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let quantized = samples
            .iter()
            .map(|sample| (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16);
        self.samples.extend(quantized);
    }

    /// Returns the length in seconds.
    pub(super) fn seconds(&self, sample_rate: u32) -> f64 {
        let frames = self.samples.len() / usize::from(CHANNELS);
        frames as f64 / f64::from(sample_rate)
    }

    /// Returns the recording as a WAV file (RIFF, `WAVE_FORMAT_PCM`).
    pub(super) fn to_wav(&self, sample_rate: u32) -> Vec<u8> {
        let data = self.samples.len() as u32 * u32::from(SAMPLE_BYTES);
        let frame = CHANNELS * SAMPLE_BYTES;
        let mut file = Vec::with_capacity(44 + data as usize);
        file.extend(b"RIFF");
        file.extend((36 + data).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16_u32.to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend(CHANNELS.to_le_bytes());
        file.extend(sample_rate.to_le_bytes());
        file.extend((sample_rate * u32::from(frame)).to_le_bytes());
        file.extend(frame.to_le_bytes());
        file.extend((8 * SAMPLE_BYTES).to_le_bytes());
        file.extend(b"data");
        file.extend(data.to_le_bytes());
        file.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_a_header_and_the_samples() {
        let mut recording = SoundRecording::default();
        recording.push(&[1.0, -1.0, 0.0, 2.0]);
        let file = recording.to_wav(48_000);
        assert_eq!(&file[..4], b"RIFF");
        assert_eq!(file[4..8], (file.len() as u32 - 8).to_le_bytes());
        assert_eq!(file[24..28], 48_000_u32.to_le_bytes());
        assert_eq!(file[40..44], 8_u32.to_le_bytes());
        let samples: Vec<_> = file[44..]
            .chunks(2)
            .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
            .collect();
        assert_eq!(samples, [32_767, -32_767, 0, 32_767]);
        assert!((recording.seconds(2) - 1.0).abs() < 1e-9);
    }
}
