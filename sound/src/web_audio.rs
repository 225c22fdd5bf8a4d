//! A source at a place in Web Audio, with the browser's measured HRTF.
//!
//! Chromium's HRTF panner clicks while its source moves: it steps from one measured direction to the next (a second
//! difference thirty times that of a still tone; `tests/browser/specs/sound.spec.js`). So each source has two panners:
//! while one is audible and stands still, the other turns to the new direction, settles, and is faded in.

use std::cell::Cell;

use wasm_bindgen::JsValue;
use web_sys::{AudioNode, BaseAudioContext, GainNode, PannerNode, PanningModelType};

use crate::place::{Place, distance_gain};

/// The time constant of gain changes, in seconds.
const GAIN_SMOOTHING: f64 = 0.03;

/// The time a panner takes to settle in a new direction, in seconds; Chromium cross-fades over 4,096 samples.
const SETTLE_TIME: f64 = 0.1;

/// The time of the cross-fade between the panners, in seconds.
const FADE_TIME: f64 = 0.06;

/// The cosine of the smallest turn that matters, 2 degrees: listeners cannot resolve less (Blauert 1997, section 2.1).
const SAME_DIRECTION: f64 = 0.999_39;

/// The nodes of a source at a place, for a listener at the origin who faces +x. Dropping them silences the source.
#[derive(Debug)]
pub struct Panned {
    /// The gain of the source itself, and the gain of its distance.
    level: GainNode,
    distance: GainNode,
    panners: [FadedPanner; 2],
    output: GainNode,
    /// The index of the audible panner, its direction, and the end of its fade in seconds.
    active: Cell<usize>,
    direction: Cell<Place>,
    busy_until: Cell<f64>,
}

/// A panner with the gain of its cross-fade.
#[derive(Debug)]
struct FadedPanner {
    panner: PannerNode,
    share: GainNode,
}

impl Panned {
    /// Creates a silent source at a place. [`Panned::fade_to`] makes the source audible.
    ///
    /// # Errors
    /// Returns an error if the browser refuses a node.
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
        let faded_panner = |share: f64| {
            let panner = FadedPanner {
                panner: context.create_panner()?,
                share: gain(share)?,
            };
            // A panner at one metre has gain 1 (Web Audio 1.1, "distance effects"): only its direction matters.
            panner.panner.set_panning_model(PanningModelType::Hrtf);
            panner.turn(direction);
            distance.connect_with_audio_node(&panner.panner)?;
            panner.panner.connect_with_audio_node(&panner.share)?;
            panner.share.connect_with_audio_node(&output)?;
            Ok::<_, JsValue>(panner)
        };
        Ok(Self {
            panners: [faded_panner(1.0)?, faded_panner(0.0)?],
            level,
            distance,
            output,
            active: Cell::new(0),
            direction: Cell::new(direction),
            busy_until: Cell::new(0.0),
        })
    }

    /// Returns the node to connect the source to.
    pub fn input(&self) -> &AudioNode {
        &self.level
    }

    /// Returns the stereo output.
    pub fn output(&self) -> &AudioNode {
        &self.output
    }

    /// Moves the source to a place at `now`, the time of the context in seconds. Call this regularly while the source
    /// moves: a turn during a cross-fade is ignored, and a later call makes up for it.
    ///
    /// # Errors
    /// Returns an error if the browser refuses the time.
    pub fn move_to(&self, place: Place, now: f64) -> Result<(), JsValue> {
        let target = distance_gain(place.distance()) as f32;
        let gain = self.distance.gain();
        gain.set_target_at_time(target, now, GAIN_SMOOTHING)?;
        let direction = direction_of(place);
        if now < self.busy_until.get() || is_same(direction, self.direction.get()) {
            return Ok(());
        }
        let (old, new) = (self.active.get(), 1 - self.active.get());
        self.panners[new].turn(direction);
        let (from, to) = (now + SETTLE_TIME, now + SETTLE_TIME + FADE_TIME);
        for (panner, share) in [(old, 0.0), (new, 1.0)] {
            let gain = self.panners[panner].share.gain();
            gain.set_value_at_time(1.0 - share, from)?;
            gain.linear_ramp_to_value_at_time(share, to)?;
        }
        self.active.set(new);
        self.direction.set(direction);
        self.busy_until.set(to);
        Ok(())
    }

    /// Fades the source to a gain, from a time of the context in seconds on.
    ///
    /// # Errors
    /// Returns an error if the browser refuses the time.
    pub fn fade_to(&self, gain: f64, from: f64) -> Result<(), JsValue> {
        let parameter = self.level.gain();
        parameter.set_target_at_time(gain as f32, from, GAIN_SMOOTHING)?;
        Ok(())
    }
}

impl Drop for Panned {
    fn drop(&mut self) {
        // Disconnecting a disconnected node is no error.
        let _ = self.output.disconnect();
    }
}

impl FadedPanner {
    /// Turns to a direction. The axes of Web Audio are x right, y up and z back.
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

/// Returns the place at one metre in the same direction; ahead for a place within the head.
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

/// Returns whether two directions differ by less than a listener can resolve.
fn is_same(one: Place, other: Place) -> bool {
    one.x * other.x + one.y * other.y + one.z * other.z > SAME_DIRECTION
}
