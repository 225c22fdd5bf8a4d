//! The sound of the stage: the reader hears each character from its place. The sound is off until the reader turns it
//! on.

mod audio;
mod controls;
mod engine;
mod mixer;
mod sound_recording;
mod sources;

pub(super) use audio::Audio;
pub(super) use controls::SoundControls;
