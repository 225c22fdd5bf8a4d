//! The Web Audio graph: sources at their places, volume, level meters and a recorder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::prelude::document;
use soundstage_sound::Panned;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AnalyserNode, AudioBuffer, AudioContext, AudioWorkletNode, GainNode, MediaStream,
    MediaStreamConstraints, MediaStreamTrack, MediaTrackConstraints, MessageEvent,
};

use super::super::place::Place;
use super::mixer::Source;
use super::sound_recording::SoundRecording;
use super::sources::Sound;

/// The time in seconds after which a source that fades out is silent and is removed.
const FADE_OUT_TIME: f64 = 0.5;

/// The number of samples that a meter averages.
const METER_WINDOW: usize = 2048;

/// The audio graph of the stage.
pub(super) struct Engine {
    context: AudioContext,
    volume: GainNode,
    meters: [AnalyserNode; 2],
    voices: BTreeMap<u32, Voice>,
    files: BTreeMap<u32, AudioBuffer>,
    microphone: Option<Microphone>,
    recorder: Option<WorkletRecorder>,
}

/// The reader's microphone. Dropping it releases the device.
pub(super) struct Microphone(MediaStream);

/// The nodes of an audible character.
struct Voice {
    source: Source,
    panned: Panned,
    /// Dropping the sound ends it.
    _sound: Sound,
    /// The time at which the fade-out started, in seconds; `None` while the character is audible.
    silent_since: Option<f64>,
}

/// A running recording.
struct WorkletRecorder {
    /// The node that is recorded.
    input: GainNode,
    node: AudioWorkletNode,
    recording: Rc<RefCell<SoundRecording>>,
    /// The handler of the blocks that the worklet sends.
    _on_block: Closure<dyn FnMut(MessageEvent)>,
}

impl Engine {
    /// Builds the graph and starts it. Browsers allow sound only after a click or a key.
    pub(super) fn start(volume: f64) -> Result<Self, JsValue> {
        let context = AudioContext::new()?;
        // The promise resolves when the browser allows sound; nothing here depends on it.
        let _ = context.resume()?;
        let master = context.create_gain()?;
        master.gain().set_value(volume as f32);
        // Without a limiter many sources at once would clip.
        let limiter = context.create_dynamics_compressor()?;
        limiter.threshold().set_value(-3.0);
        limiter.ratio().set_value(20.0);
        limiter.attack().set_value(0.002);
        master.connect_with_audio_node(&limiter)?;
        limiter.connect_with_audio_node(&context.destination())?;
        let splitter = context.create_channel_splitter_with_number_of_outputs(2)?;
        master.connect_with_audio_node(&splitter)?;
        let meter = |channel| {
            let meter = context.create_analyser()?;
            meter.set_fft_size(METER_WINDOW as u32);
            splitter.connect_with_audio_node_and_output(&meter, channel)?;
            Ok::<_, JsValue>(meter)
        };
        let meters = [meter(0)?, meter(1)?];
        Ok(Self {
            volume: master,
            meters,
            voices: BTreeMap::new(),
            files: BTreeMap::new(),
            microphone: None,
            recorder: None,
            context,
        })
    }

    /// Silences the graph and releases the microphone. Files and a running recording stay.
    pub(super) fn pause(&mut self) {
        self.voices.clear();
        self.microphone = None;
        // A closed context is silent already.
        let _ = self.context.suspend();
    }

    /// Resumes after [`Engine::pause`]. Browsers allow sound only after a click or a key.
    pub(super) fn resume(&self) -> Result<(), JsValue> {
        let _ = self.context.resume()?;
        Ok(())
    }

    pub(super) fn context(&self) -> AudioContext {
        self.context.clone()
    }

    pub(super) fn set_volume(&self, volume: f64) {
        let now = self.context.current_time();
        // Fails only for a negative time.
        let _ = self
            .volume
            .gain()
            .set_target_at_time(volume as f32, now, 0.02);
    }

    /// Sets the file of a character.
    pub(super) fn set_file(&mut self, id: u32, file: AudioBuffer) {
        self.voices.remove(&id);
        self.files.insert(id, file);
    }

    /// Keeps the microphone, unless a microphone is already open, since voices may play it.
    pub(super) fn set_microphone(&mut self, microphone: Microphone) {
        self.microphone.get_or_insert(microphone);
    }

    pub(super) fn release_microphone(&mut self) {
        self.microphone = None;
    }

    pub(super) fn has_microphone(&self) -> bool {
        self.microphone.is_some()
    }

    /// Plays these characters from their places, and fades out all others.
    ///
    /// # Errors
    /// Returns an error if the browser refuses a node.
    pub(super) fn play(
        &mut self,
        audible: &[(u32, Place)],
        source_of: impl Fn(u32) -> Source,
    ) -> Result<(), JsValue> {
        let now = self.context.current_time();
        for (id, place) in audible {
            let source = source_of(*id);
            if self
                .voices
                .get(id)
                .is_none_or(|voice| voice.source != source)
            {
                let Some(voice) = self.voice(*id, source, *place)? else {
                    continue;
                };
                self.voices.insert(*id, voice);
            }
            if let Some(voice) = self.voices.get_mut(id) {
                voice.panned.move_to(*place, now)?;
                if voice.silent_since.take().is_some() {
                    voice.panned.fade_to(1.0, now)?;
                }
            }
        }
        for (id, voice) in &mut self.voices {
            if voice.silent_since.is_none() && !audible.iter().any(|(audible, _)| audible == id) {
                voice.panned.fade_to(0.0, now)?;
                voice.silent_since = Some(now);
            }
        }
        self.voices.retain(|_, voice| {
            let since = voice.silent_since.unwrap_or(now);
            now - since < FADE_OUT_TIME
        });
        Ok(())
    }

    /// Builds the nodes of a character. Returns `None` while its file or the microphone is missing.
    fn voice(&self, id: u32, source: Source, place: Place) -> Result<Option<Voice>, JsValue> {
        let sound = match (source, self.files.get(&id), &self.microphone) {
            (Source::Tone, ..) => Sound::tone(&self.context, id)?,
            (Source::Voice, ..) => Sound::voice(&self.context, id)?,
            (Source::File, Some(file), _) => Sound::file(&self.context, file)?,
            (Source::Microphone, _, Some(microphone)) => {
                Sound::microphone(&self.context, &microphone.0)?
            }
            _ => return Ok(None),
        };
        let panned = Panned::new(&self.context, place)?;
        sound.connect(panned.input())?;
        panned.output().connect_with_audio_node(&self.volume)?;
        Ok(Some(Voice {
            source,
            panned,
            _sound: sound,
            silent_since: Some(self.context.current_time()),
        }))
    }

    /// Returns the levels of the left and the right channel in dBFS.
    pub(super) fn levels(&self) -> [f64; 2] {
        let mut samples = [0.0_f32; METER_WINDOW];
        self.meters.each_ref().map(|meter| {
            meter.get_float_time_domain_data(&mut samples);
            let power: f32 = samples.iter().map(|sample| sample * sample).sum();
            let mean = f64::from(power) / METER_WINDOW as f64;
            10.0 * mean.max(1e-10).log10()
        })
    }

    /// Returns the latency of the audio output in milliseconds.
    pub(super) fn latency(&self) -> f64 {
        // Some browsers lack one of the two properties.
        let part = |name: &str| {
            let latency = js_sys::Reflect::get(&self.context, &name.into()).ok();
            let seconds = latency.and_then(|latency| latency.as_f64());
            seconds.unwrap_or_default()
        };
        (part("baseLatency") + part("outputLatency")) * 1000.0
    }

    /// Starts recording both channels.
    ///
    /// # Errors
    /// Returns an error if the worklet is not loaded.
    pub(super) fn record(&mut self) -> Result<(), JsValue> {
        let node = AudioWorkletNode::new(&self.context, "recorder")?;
        let recording = Rc::new(RefCell::new(SoundRecording::default()));
        let target = Rc::clone(&recording);
        let on_block = Closure::new(move |event: MessageEvent| {
            if let Ok(block) = event.data().dyn_into::<js_sys::Float32Array>() {
                target.borrow_mut().push(&block.to_vec());
            }
        });
        let port = node.port()?;
        port.set_onmessage(Some(on_block.as_ref().unchecked_ref()));
        self.volume.connect_with_audio_node(&node)?;
        // The node is silent, but the browser runs only nodes that lead to the output.
        node.connect_with_audio_node(&self.context.destination())?;
        self.recorder = Some(WorkletRecorder {
            input: self.volume.clone(),
            node,
            recording,
            _on_block: on_block,
        });
        Ok(())
    }

    /// Returns the length of the running recording in seconds; `None` if no recording runs.
    pub(super) fn recorded(&self) -> Option<f64> {
        let recorder = self.recorder.as_ref()?;
        Some(recorder.recording.borrow().seconds(self.sample_rate()))
    }

    /// Ends the recording and returns it as a WAV file; `None` if no recording runs.
    pub(super) fn stop_recording(&mut self) -> Option<Vec<u8>> {
        let recorder = self.recorder.take()?;
        let wav = recorder.recording.borrow().to_wav(self.sample_rate());
        Some(wav)
    }

    fn sample_rate(&self) -> u32 {
        self.context.sample_rate() as u32
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Closing a closed context is no error.
        let _ = self.context.close();
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        for track in self.0.get_tracks() {
            track.unchecked_into::<MediaStreamTrack>().stop();
        }
    }
}

impl Drop for WorkletRecorder {
    /// Ends the processor. The browser drops a processor that has ended and has no input; it calls a processor with an
    /// input for ever.
    fn drop(&mut self) {
        // Disconnecting a disconnected node is no error.
        let _ = self.input.disconnect_with_audio_node(&self.node);
        if let Ok(port) = self.node.port() {
            port.set_onmessage(None);
            // A string can always be sent.
            let _ = port.post_message(&"end".into());
        }
    }
}

/// Loads the recorder worklet into the audio thread. `index.html` names the file by a hash, so that the worklet is that of
/// this program, also after an upgrade of the server.
pub(super) async fn load_recorder(context: &AudioContext) -> Result<(), JsValue> {
    let script = document().query_selector("#recorder")?;
    let path = script.and_then(|script| script.get_attribute("src"));
    let path = path.ok_or("the page names no recorder")?;
    let loaded = context.audio_worklet()?.add_module(&path)?;
    JsFuture::from(loaded).await?;
    Ok(())
}

/// Decodes a file of any format that the browser supports.
pub(super) async fn decode(
    context: &AudioContext,
    file: &web_sys::File,
) -> Result<AudioBuffer, JsValue> {
    let bytes = JsFuture::from(file.array_buffer()).await?;
    let decoded = context.decode_audio_data(bytes.unchecked_ref())?;
    Ok(JsFuture::from(decoded).await?.unchecked_into())
}

/// Asks the reader for the microphone. Turns off the browser's processing for telephony, which would blur the place of
/// the voice.
pub(super) async fn microphone() -> Result<Microphone, JsValue> {
    let unprocessed = MediaTrackConstraints::new();
    unprocessed.set_echo_cancellation(&false.into());
    unprocessed.set_noise_suppression(&false.into());
    unprocessed.set_auto_gain_control(&false.into());
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&unprocessed);
    let devices = leptos::prelude::window().navigator().media_devices()?;
    let stream = JsFuture::from(devices.get_user_media_with_constraints(&constraints)?).await?;
    Ok(Microphone(stream.unchecked_into()))
}
