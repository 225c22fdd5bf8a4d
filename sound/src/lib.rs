//! Binaural sound: a source at a place, as a listener at the origin hears it (`docs/design/sound.md`).
//!
//! Places are in metres: x forward, y left, z up; the listener faces +x. [`distance_gain`] is the gain at a distance,
//! [`Ears`] models the head as a sphere, and [`Binaural`] renders a moving source without clicks. The crate is plain
//! arithmetic without input and output. In a browser, `Panned` (feature `web-audio`) renders a source with the
//! browser's measured HRTF instead.

mod binaural;
mod delay;
mod head;
mod place;
mod track;
#[cfg(feature = "web-audio")]
mod web_audio;

pub use binaural::Binaural;
pub use head::{Ear, Ears};
pub use place::{Place, distance_gain};
pub use track::{MAX_SPEED, Track, TrackError};
#[cfg(feature = "web-audio")]
pub use web_audio::Panned;
