//! What a place on the stage sounds like to a listener at its origin.
//!
//! Places are in metres, x forward, y left, z up, the listener facing +x. How loud a source is follows the stage's distance
//! law ([`distance_gain`]); what each ear hears of it, a model of the head as a sphere ([`Ears`]); and a [`Binaural`] moves
//! one source from place to place without clicks. Plain arithmetic: it reads and writes nothing. For a page there is
//! the same with the browser's own measured head (`Panned`).

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
pub use track::{FASTEST, Track, TrackError};
#[cfg(feature = "web-audio")]
pub use web_audio::Panned;
