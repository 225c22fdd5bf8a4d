//! A source at its place in a browser's Web Audio, over the head that the browser has measured.
//!
//! Chromium's HRTF panner clicks while its source moves: it changes from one measured direction to the next in steps that are heard
//! (a bend thirty times as sharp as that of a tone that stands still; `tests/browser/specs/sound.spec.js`). So each source has two panners that
//! stand still, each in turn: the one that is not heard is turned to where the source is now, settles, and is faded in.

use std::cell::Cell;

use wasm_bindgen::JsValue;
use web_sys::{AudioNode, BaseAudioContext, GainNode, PannerNode, PanningModelType};

use crate::place::{Place, distance_gain};

/// How quickly a source becomes louder and softer, as the time constant of an exponential approach in seconds.
const GLIDE: f64 = 0.03;

/// How long a panner needs until it has left its old direction, in seconds; Chromium fades over 4096 samples.
const SETTLE: f64 = 0.1;

/// How long the change from one panner to the other takes, in seconds.
const FADE: f64 = 0.06;

/// Turns less than this are not worth a change: the cosine of 2 degrees. Nobody hears a finer difference (Blauert 1997, 2.1).
const SAME_DIRECTION: f64 = 0.999_39;

/// Nodes that let a source be heard from its place, by a listener at the origin who faces +x, until they are dropped.
#[derive(Debug)]
pub struct Panned {
    /// How loud the source is, and how loud it is from so far away.
    level: GainNode,
    distance: GainNode,
    ears: [Ear; 2],
    output: GainNode,
    /// Which of them is heard, in which direction, and until when they change.
    active: Cell<usize>,
    direction: Cell<Place>,
    busy_until: Cell<f64>,
}

/// A panner, and how much of it is heard.
#[derive(Debug)]
struct Ear {
    panner: PannerNode,
    share: GainNode,
}

impl Panned {
    /// A source at a place, silent until it is faded in.
    ///
    /// # Errors
    /// When the browser refuses a node.
    pub fn new(context: &BaseAudioContext, place: Place) -> Result<Self, JsValue> {
        let gain = |value: f64| {
            let gain = context.create_gain()?;
            gain.gain().set_value(value as f32);
            Ok::<_, JsValue>(gain)
        };
        let (level, distance, output) = (
            gain(0.0)?,
            gain(distance_gain(place.distance()))?,
            gain(1.0)?,
        );
        level.connect_with_audio_node(&distance)?;
        let direction = direction_of(place);
        let ear = |share: f64| {
            let ear = Ear {
                panner: context.create_panner()?,
                share: gain(share)?,
            };
            // At one metre it is as loud as it is (Web Audio 1.1, "distance effects"): only its direction matters.
            ear.panner.set_panning_model(PanningModelType::Hrtf);
            ear.turn(direction);
            distance.connect_with_audio_node(&ear.panner)?;
            ear.panner.connect_with_audio_node(&ear.share)?;
            ear.share.connect_with_audio_node(&output)?;
            Ok::<_, JsValue>(ear)
        };
        Ok(Self {
            ears: [ear(1.0)?, ear(0.0)?],
            level,
            distance,
            output,
            active: Cell::new(0),
            direction: Cell::new(direction),
            busy_until: Cell::new(0.0),
        })
    }

    /// Where the source goes in.
    pub fn input(&self) -> &AudioNode {
        &self.level
    }

    /// Where it comes out, for both ears.
    pub fn output(&self) -> &AudioNode {
        &self.output
    }

    /// Goes to a place, from now on, which is this time of the context (seconds). To be called again and again while the source moves:
    /// one that turns while it is being turned is turned on by a later call.
    ///
    /// # Errors
    /// When the browser refuses the time.
    pub fn move_to(&self, place: Place, now: f64) -> Result<(), JsValue> {
        let loudness = distance_gain(place.distance()) as f32;
        let gain = self.distance.gain();
        gain.set_target_at_time(loudness, now, GLIDE)?;
        let direction = direction_of(place);
        if now < self.busy_until.get() || is_same(direction, self.direction.get()) {
            return Ok(());
        }
        let (old, new) = (self.active.get(), 1 - self.active.get());
        self.ears[new].turn(direction);
        let (from, to) = (now + SETTLE, now + SETTLE + FADE);
        for (ear, share) in [(old, 0.0), (new, 1.0)] {
            let gain = self.ears[ear].share.gain();
            gain.set_value_at_time(1.0 - share, from)?;
            gain.linear_ramp_to_value_at_time(share, to)?;
        }
        self.active.set(new);
        self.direction.set(direction);
        self.busy_until.set(to);
        Ok(())
    }

    /// Becomes so loud, 1 being as it is recorded, at 1.4 m; from a time of the context on (seconds).
    ///
    /// # Errors
    /// When the browser refuses the time.
    pub fn fade_to(&self, loudness: f64, from: f64) -> Result<(), JsValue> {
        let gain = self.level.gain();
        gain.set_target_at_time(loudness as f32, from, GLIDE)?;
        Ok(())
    }
}

impl Drop for Panned {
    fn drop(&mut self) {
        // One that is connected to nothing is out already.
        let _ = self.output.disconnect();
    }
}

impl Ear {
    /// Looks in a direction, in the axes of Web Audio: x to the right, y up, z behind.
    fn turn(&self, direction: Place) {
        let axes = [
            (self.panner.position_x(), -direction.y),
            (self.panner.position_y(), direction.z),
            (self.panner.position_z(), -direction.x),
        ];
        for (parameter, metres) in axes {
            parameter.set_value(metres as f32);
        }
    }
}

/// The place at one metre in the same direction; ahead, for what is within the head.
fn direction_of(place: Place) -> Place {
    let distance = place.distance();
    if distance < 1e-3 {
        return Place {
            x: 1.0,
            ..Place::default()
        };
    }
    Place {
        x: place.x / distance,
        y: place.y / distance,
        z: place.z / distance,
    }
}

fn is_same(one: Place, other: Place) -> bool {
    one.x * other.x + one.y * other.y + one.z * other.z > SAME_DIRECTION
}
