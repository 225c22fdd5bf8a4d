//! The browser's Web Audio: sources at their places, the listener's loudness, meters and a recorder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

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
use super::sources::Sound;
use super::wav::Recording;

/// Who is not heard any more is taken away so much later, in seconds: then it has faded out.
const FADED_AFTER: f64 = 0.5;

/// How many samples a meter looks at.
const METERED: usize = 2048;

/// Everything that sounds.
pub(super) struct Engine {
    context: AudioContext,
    volume: GainNode,
    meters: [AnalyserNode; 2],
    voices: BTreeMap<u32, Voice>,
    files: BTreeMap<u32, AudioBuffer>,
    microphone: Option<Microphone>,
    recorder: Option<Recorder>,
}

/// What the reader speaks into; let go of when it is dropped.
pub(super) struct Microphone(MediaStream);

/// One character that sounds.
struct Voice {
    source: Source,
    panned: Panned,
    /// Makes the sound for as long as it is kept.
    _sound: Sound,
    /// Since when it is silent, or fades out, in seconds.
    silent_since: Option<f64>,
}

struct Recorder {
    node: AudioWorkletNode,
    recording: Rc<RefCell<Recording>>,
    /// What the browser calls with each block.
    _take: Closure<dyn FnMut(MessageEvent)>,
}

impl Engine {
    /// Begins to sound; after a click, or the browser does not let it.
    pub(super) fn start(volume: f64) -> Result<Self, JsValue> {
        let context = AudioContext::new()?;
        // Resolves when the browser lets it sound; nothing here waits for that.
        let _ = context.resume()?;
        let master = context.create_gain()?;
        master.gain().set_value(volume as f32);
        // Many sources at once would be cut off hard otherwise.
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
            meter.set_fft_size(METERED as u32);
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

    /// Is silent and lets go of the microphone, until it goes on. What is set stays, files too, and a recording waits.
    pub(super) fn pause(&mut self) {
        self.voices.clear();
        self.microphone = None;
        // One that is closed is silent already.
        let _ = self.context.suspend();
    }

    /// Sounds again; after a click, as in the beginning.
    pub(super) fn go_on(&self) -> Result<(), JsValue> {
        let _ = self.context.resume()?;
        Ok(())
    }

    pub(super) fn context(&self) -> AudioContext {
        self.context.clone()
    }

    pub(super) fn set_volume(&self, volume: f64) {
        let now = self.context.current_time();
        // A time that is now is never refused.
        let _ = self
            .volume
            .gain()
            .set_target_at_time(volume as f32, now, 0.02);
    }

    /// What a character is to sound like that has a file.
    pub(super) fn set_file(&mut self, id: u32, file: AudioBuffer) {
        self.voices.remove(&id);
        self.files.insert(id, file);
    }

    pub(super) fn set_microphone(&mut self, microphone: Microphone) {
        self.microphone = Some(microphone);
    }

    pub(super) fn has_microphone(&self) -> bool {
        self.microphone.is_some()
    }

    /// Lets these be heard from there, and fades out everybody else.
    pub(super) fn hear(
        &mut self,
        heard: &[(u32, Place)],
        source_of: impl Fn(u32) -> Source,
    ) -> Result<(), JsValue> {
        let now = self.context.current_time();
        for (id, place) in heard {
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
            if voice.silent_since.is_none() && !heard.iter().any(|(heard, _)| heard == id) {
                voice.panned.fade_to(0.0, now)?;
                voice.silent_since = Some(now);
            }
        }
        self.voices.retain(|_, voice| {
            let since = voice.silent_since.unwrap_or(now);
            now - since < FADED_AFTER
        });
        Ok(())
    }

    /// A character that begins to sound, unless what it sounds like is not there yet.
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

    /// How loud each ear hears it, in decibels below the loudest there is.
    pub(super) fn levels(&self) -> [f64; 2] {
        let mut samples = [0.0_f32; METERED];
        self.meters.each_ref().map(|meter| {
            meter.get_float_time_domain_data(&mut samples);
            let power: f32 = samples.iter().map(|sample| sample * sample).sum();
            let mean = f64::from(power) / METERED as f64;
            10.0 * mean.max(1e-10).log10()
        })
    }

    /// From a sound that is made to one that is heard, in milliseconds.
    pub(super) fn latency(&self) -> f64 {
        // Not every browser has both.
        let part = |name: &str| {
            let latency = js_sys::Reflect::get(&self.context, &name.into()).ok();
            let seconds = latency.and_then(|latency| latency.as_f64());
            seconds.unwrap_or_default()
        };
        (part("baseLatency") + part("outputLatency")) * 1000.0
    }

    /// Begins to record what both ears hear.
    pub(super) fn record(&mut self) -> Result<(), JsValue> {
        let node = AudioWorkletNode::new(&self.context, "recorder")?;
        let recording = Rc::new(RefCell::new(Recording::default()));
        let taking = Rc::clone(&recording);
        let take = Closure::new(move |event: MessageEvent| {
            if let Ok(block) = event.data().dyn_into::<js_sys::Float32Array>() {
                taking.borrow_mut().push(&block.to_vec());
            }
        });
        let port = node.port()?;
        port.set_onmessage(Some(take.as_ref().unchecked_ref()));
        self.volume.connect_with_audio_node(&node)?;
        // Silence; but what leads nowhere is not run.
        node.connect_with_audio_node(&self.context.destination())?;
        self.recorder = Some(Recorder {
            node,
            recording,
            _take: take,
        });
        Ok(())
    }

    /// How much is recorded, in seconds, while it is.
    pub(super) fn recorded(&self) -> Option<f64> {
        let recorder = self.recorder.as_ref()?;
        Some(recorder.recording.borrow().seconds(self.sample_rate()))
    }

    /// Ends the recording; its file.
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
        // One that is closed already is no error.
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

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Ok(port) = self.node.port() {
            port.set_onmessage(None);
        }
        // One that is connected to nothing is out already.
        let _ = self.node.disconnect();
    }
}

/// Loads the recorder into the audio thread.
pub(super) async fn load_recorder(context: &AudioContext) -> Result<(), JsValue> {
    let loaded = context.audio_worklet()?.add_module("/recorder.js")?;
    JsFuture::from(loaded).await?;
    Ok(())
}

/// The samples of a file in any format that the browser knows.
pub(super) async fn decode(
    context: &AudioContext,
    file: &web_sys::File,
) -> Result<AudioBuffer, JsValue> {
    let bytes = JsFuture::from(file.array_buffer()).await?;
    let decoded = context.decode_audio_data(bytes.unchecked_ref())?;
    Ok(JsFuture::from(decoded).await?.unchecked_into())
}

/// Asks the reader for the microphone, as it is: what browsers do for telephony would take the place out of the voice.
pub(super) async fn microphone() -> Result<Microphone, JsValue> {
    let as_it_is = MediaTrackConstraints::new();
    as_it_is.set_echo_cancellation(&false.into());
    as_it_is.set_noise_suppression(&false.into());
    as_it_is.set_auto_gain_control(&false.into());
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&as_it_is);
    let devices = leptos::prelude::window().navigator().media_devices()?;
    let stream = JsFuture::from(devices.get_user_media_with_constraints(&constraints)?).await?;
    Ok(Microphone(stream.unchecked_into()))
}
