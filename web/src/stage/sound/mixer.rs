//! The mixer, which selects the audible characters. Plain state, tested on the host.

use std::collections::{BTreeMap, BTreeSet};

use super::super::place::Place;

/// The maximum number of audible sources: an HRTF panner is expensive.
const MAX_SOURCES: usize = 32;

/// A source is replaced by another only if the other is nearer by this factor. Otherwise two sources at about the same
/// distance would alternate.
const HYSTERESIS: f64 = 0.9;

/// The sound of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A pulsing tone, of a pitch that depends on the character.
    #[default]
    Tone,
    /// A sung vowel.
    Voice,
    /// A file, looped.
    File,
    /// The reader's microphone.
    Microphone,
    Silence,
}

/// The settings of all characters.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    sources: BTreeMap<u32, Source>,
    muted: BTreeSet<u32>,
    solo: BTreeSet<u32>,
    /// The characters that were audible last.
    audible: BTreeSet<u32>,
}

impl Mixer {
    pub(super) fn source(&self, id: u32) -> Source {
        self.sources.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn set_source(&mut self, id: u32, source: Source) {
        self.sources.insert(id, source);
    }

    /// Returns whether any character uses this source.
    pub(super) fn uses(&self, source: Source) -> bool {
        self.sources.values().any(|used| *used == source)
    }

    pub(super) fn is_muted(&self, id: u32) -> bool {
        self.muted.contains(&id)
    }

    pub(super) fn is_solo(&self, id: u32) -> bool {
        self.solo.contains(&id)
    }

    pub(super) fn mute(&mut self, id: u32, is_muted: bool) {
        set(&mut self.muted, id, is_muted);
    }

    /// Sets whether a character is solo. If any character is solo, all others are inaudible.
    pub(super) fn solo(&mut self, id: u32, is_solo: bool) {
        set(&mut self.solo, id, is_solo);
    }

    /// Returns the audible characters with their places, relative to the listener: the nearest that are neither silent
    /// nor muted.
    pub(super) fn audible(
        &mut self,
        places: impl Iterator<Item = (u32, Place)>,
    ) -> Vec<(u32, Place)> {
        let candidates = places.filter(|(id, _)| {
            let is_selected = self.solo.is_empty() || self.is_solo(*id);
            is_selected && !self.is_muted(*id) && self.source(*id) != Source::Silence
        });
        let mut by_distance: Vec<_> = candidates
            .map(|(id, place)| {
                let factor = if self.audible.contains(&id) {
                    HYSTERESIS
                } else {
                    1.0
                };
                (place.distance() * factor, id, place)
            })
            .collect();
        if by_distance.len() > MAX_SOURCES {
            by_distance
                .select_nth_unstable_by(MAX_SOURCES, |(one, ..), (other, ..)| one.total_cmp(other));
            by_distance.truncate(MAX_SOURCES);
        }
        self.audible = by_distance.iter().map(|(_, id, _)| *id).collect();
        by_distance
            .into_iter()
            .map(|(_, id, place)| (id, place))
            .collect()
    }
}

fn set(members: &mut BTreeSet<u32>, id: u32, is_member: bool) {
    if is_member {
        members.insert(id);
    } else {
        members.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64) -> Place {
        Place { x, y: 0.0, z: 0.0 }
    }

    fn ids(mixer: &mut Mixer, places: &[(u32, f64)]) -> BTreeSet<u32> {
        let places = places.iter().map(|(id, x)| (*id, at(*x)));
        mixer
            .audible(places)
            .into_iter()
            .map(|(id, _)| id)
            .collect()
    }

    #[test]
    fn the_nearest_characters_are_audible() {
        let mut mixer = Mixer::default();
        let places: Vec<_> = (0..1000_u32).map(|id| (id, f64::from(1000 - id))).collect();
        let audible = ids(&mut mixer, &places);
        assert_eq!(audible, (968..1000).collect());
    }

    #[test]
    fn two_characters_at_about_the_same_distance_do_not_alternate() {
        let mut mixer = Mixer::default();
        let mut places: Vec<_> = (0..31_u32).map(|id| (id, 1.0)).collect();
        places.extend([(40, 5.0), (41, 5.01)]);
        assert!(ids(&mut mixer, &places).contains(&40));
        places[32].1 = 4.9;
        assert!(ids(&mut mixer, &places).contains(&40));
        places[32].1 = 4.0;
        assert!(ids(&mut mixer, &places).contains(&41));
    }

    #[test]
    fn muted_and_silent_characters_are_inaudible_and_solo_characters_exclude_others() {
        let mut mixer = Mixer::default();
        let places = [(1, 1.0), (2, 2.0), (3, 3.0)];
        mixer.mute(1, true);
        mixer.set_source(2, Source::Silence);
        assert_eq!(ids(&mut mixer, &places), BTreeSet::from([3]));
        mixer.solo(1, true);
        assert_eq!(ids(&mut mixer, &places), BTreeSet::new());
        mixer.mute(1, false);
        assert_eq!(ids(&mut mixer, &places), BTreeSet::from([1]));
        mixer.solo(1, false);
        assert_eq!(ids(&mut mixer, &places), BTreeSet::from([1, 3]));
    }
}
