//! A source at its place in a browser's Web Audio, over the head that the browser has measured.

use wasm_bindgen::JsValue;
use web_sys::{
    AudioNode, BaseAudioContext, DistanceModelType, GainNode, PannerNode, PanningModelType,
};

use crate::place::{NEAREST, Place, REFERENCE};

/// How quickly a source goes where it is put, as the time constant of an exponential approach in seconds: slow enough for no
/// click, quick enough for no lag that is heard.
const GLIDE: f64 = 0.015;

/// The same for loudness.
const FADE: f64 = 0.05;

/// Nodes that let a source be heard from its place, by a listener at the origin who faces +x.
#[derive(Debug)]
pub struct Panned {
    level: GainNode,
    panner: PannerNode,
}

impl Panned {
    /// A source at a place, silent until it is faded in.
    ///
    /// # Errors
    /// When the browser refuses a node.
    pub fn new(context: &BaseAudioContext, place: Place) -> Result<Self, JsValue> {
        let level = context.create_gain()?;
        level.gain().set_value(0.0);
        let panner = context.create_panner()?;
        panner.set_panning_model(PanningModelType::Hrtf);
        // Web Audio 1.1, "distance effects": 0.2 / max(distance, 0.2). Times 7 that is the stage's law.
        panner.set_distance_model(DistanceModelType::Inverse);
        panner.set_ref_distance(NEAREST);
        panner.set_rolloff_factor(1.0);
        level.connect_with_audio_node(&panner)?;
        let source = Self { level, panner };
        for (parameter, metres) in source.axes(place) {
            parameter.set_value(metres as f32);
        }
        Ok(source)
    }

    /// Where the source goes in.
    pub fn input(&self) -> &AudioNode {
        &self.level
    }

    /// Where it comes out, for both ears.
    pub fn output(&self) -> &AudioNode {
        &self.panner
    }

    /// Goes to a place, from a time of the context on (seconds).
    ///
    /// # Errors
    /// When the browser refuses the time.
    pub fn move_to(&self, place: Place, from: f64) -> Result<(), JsValue> {
        for (parameter, metres) in self.axes(place) {
            parameter.set_target_at_time(metres as f32, from, GLIDE)?;
        }
        Ok(())
    }

    /// Becomes so loud, 1 being as it is recorded, at 1.4 m; from a time of the context on (seconds).
    ///
    /// # Errors
    /// When the browser refuses the time.
    pub fn fade_to(&self, loudness: f64, from: f64) -> Result<(), JsValue> {
        let gain = loudness * REFERENCE / NEAREST;
        self.level
            .gain()
            .set_target_at_time(gain as f32, from, FADE)?;
        Ok(())
    }

    /// Takes it out of what it is connected to.
    pub fn disconnect(&self) {
        // One that is connected to nothing is out already.
        let _ = self.panner.disconnect();
    }

    /// A place in the axes of Web Audio: x to the right, y up, z behind.
    fn axes(&self, place: Place) -> [(web_sys::AudioParam, f64); 3] {
        [
            (self.panner.position_x(), -place.y),
            (self.panner.position_y(), place.z),
            (self.panner.position_z(), -place.x),
        ]
    }
}
