//! The sound of the stage: each character sounds from its place. Off until the reader turns it on.

mod audio;
mod controls;
mod engine;
mod mixer;
mod sound_recording;
mod sources;

pub(super) use audio::Audio;
pub(super) use controls::SoundControls;
