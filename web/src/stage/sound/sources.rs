//! The sounds of characters, as Web Audio nodes.

use wasm_bindgen::JsValue;
use web_sys::{
    AudioBuffer, AudioContext, AudioNode, AudioScheduledSourceNode, BiquadFilterType, MediaStream,
    OscillatorType,
};

/// The gain of a tone and a voice, low enough for several at once.
const GAIN: f32 = 0.12;

/// The pitches of tones in hertz: a pentatonic scale, in which all pitches harmonize.
const PITCHES: [f32; 10] = [
    220.0, 247.5, 275.0, 330.0, 366.7, 440.0, 495.0, 550.0, 660.0, 733.3,
];

/// The formants of a sung "a": frequencies in hertz, and gains relative to the first.
const FORMANTS: [(f32, f32); 3] = [(700.0, 1.0), (1220.0, 0.5), (2600.0, 0.25)];

/// A running sound. Dropping it ends the sound.
pub(super) struct Sound {
    /// The node that the sound comes from.
    output: AudioNode,
    /// The nodes that run until they are stopped.
    running: Vec<AudioScheduledSourceNode>,
}

impl Sound {
    /// Starts a tone that pulses a few times a second, since repeated onsets are easy to localize.
    pub(super) fn tone(context: &AudioContext, id: u32) -> Result<Self, JsValue> {
        let tone = context.create_oscillator()?;
        tone.set_type(OscillatorType::Triangle);
        tone.frequency().set_value(pitch(id));
        let pulse = context.create_oscillator()?;
        pulse.frequency().set_value(1.5 + (id % 7) as f32 * 0.2);
        let (level, depth) = (context.create_gain()?, context.create_gain()?);
        level.gain().set_value(GAIN);
        depth.gain().set_value(GAIN * 0.8);
        pulse.connect_with_audio_node(&depth)?;
        depth.connect_with_audio_param(&level.gain())?;
        tone.connect_with_audio_node(&level)?;
        Self::start(level.into(), vec![tone.into(), pulse.into()])
    }

    /// Starts a sung vowel with vibrato: a sawtooth through the formants of a mouth.
    pub(super) fn voice(context: &AudioContext, id: u32) -> Result<Self, JsValue> {
        let buzz = context.create_oscillator()?;
        buzz.set_type(OscillatorType::Sawtooth);
        buzz.frequency().set_value(pitch(id) / 2.0);
        let vibrato = context.create_oscillator()?;
        vibrato.frequency().set_value(5.0);
        let depth = context.create_gain()?;
        depth.gain().set_value(pitch(id) / 100.0);
        vibrato.connect_with_audio_node(&depth)?;
        depth.connect_with_audio_param(&buzz.frequency())?;
        let mouth = context.create_gain()?;
        mouth.gain().set_value(GAIN * 4.0);
        for (frequency, gain) in FORMANTS {
            let formant = context.create_biquad_filter()?;
            formant.set_type(BiquadFilterType::Bandpass);
            formant.frequency().set_value(frequency);
            formant.q().set_value(8.0);
            let level = context.create_gain()?;
            level.gain().set_value(gain);
            buzz.connect_with_audio_node(&formant)?;
            formant.connect_with_audio_node(&level)?;
            level.connect_with_audio_node(&mouth)?;
        }
        Self::start(mouth.into(), vec![buzz.into(), vibrato.into()])
    }

    /// Starts a file in a loop.
    pub(super) fn file(context: &AudioContext, buffer: &AudioBuffer) -> Result<Self, JsValue> {
        let source = context.create_buffer_source()?;
        source.set_buffer(Some(buffer));
        source.set_loop(true);
        Self::start(source.clone().into(), vec![source.into()])
    }

    /// Starts the sound of a microphone.
    pub(super) fn microphone(
        context: &AudioContext,
        stream: &MediaStream,
    ) -> Result<Self, JsValue> {
        let source = context.create_media_stream_source(stream)?;
        Self::start(source.into(), Vec::new())
    }

    pub(super) fn connect(&self, input: &AudioNode) -> Result<(), JsValue> {
        self.output.connect_with_audio_node(input)?;
        Ok(())
    }

    fn start(output: AudioNode, running: Vec<AudioScheduledSourceNode>) -> Result<Self, JsValue> {
        for node in &running {
            node.start()?;
        }
        Ok(Self { output, running })
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        // Neither call fails: each node is started, and is stopped and disconnected once.
        for node in &self.running {
            let _ = node.stop();
        }
        let _ = self.output.disconnect();
    }
}

/// Returns the pitch of a character in hertz.
fn pitch(id: u32) -> f32 {
    PITCHES[id as usize * 3 % PITCHES.len()]
}
