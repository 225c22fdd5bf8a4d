//! Who is heard, and how loud: plain rules.

use std::collections::{BTreeMap, BTreeSet};

use super::super::place::Place;

/// So many sources sound at once. A head is much arithmetic for each.
pub(super) const MOST: usize = 32;

/// Somebody who sounds is replaced by another only if that one is nearer by this factor: two at about the same distance would
/// take turns.
const NEARER: f64 = 0.9;

/// What a character sounds like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A pulsing tone of its own pitch.
    #[default]
    Tone,
    /// A sung vowel.
    Voice,
    /// A file that was dropped on it, again and again.
    File,
    /// The reader's microphone.
    Microphone,
    /// Nothing.
    Silence,
}

/// What the reader has set.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    sources: BTreeMap<u32, Source>,
    muted: BTreeSet<u32>,
    solo: BTreeSet<u32>,
    sounding: BTreeSet<u32>,
}

impl Mixer {
    pub(super) fn source(&self, id: u32) -> Source {
        self.sources.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn set_source(&mut self, id: u32, source: Source) {
        self.sources.insert(id, source);
    }

    /// Whether anybody sounds like this.
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

    /// With anybody solo, nobody else is heard.
    pub(super) fn solo(&mut self, id: u32, is_solo: bool) {
        set(&mut self.solo, id, is_solo);
    }

    /// Who of these is heard, and where: the nearest that are neither silent nor muted. Places are as the listener has them.
    pub(super) fn heard(
        &mut self,
        places: impl Iterator<Item = (u32, Place)>,
    ) -> Vec<(u32, Place)> {
        let wanted = places.filter(|(id, _)| {
            let is_picked = self.solo.is_empty() || self.is_solo(*id);
            is_picked && !self.is_muted(*id) && self.source(*id) != Source::Silence
        });
        let mut by_distance: Vec<_> = wanted
            .map(|(id, place)| {
                let factor = if self.sounding.contains(&id) {
                    NEARER
                } else {
                    1.0
                };
                (place.distance() * factor, id, place)
            })
            .collect();
        if by_distance.len() > MOST {
            by_distance.select_nth_unstable_by(MOST, |(one, ..), (other, ..)| one.total_cmp(other));
            by_distance.truncate(MOST);
        }
        self.sounding = by_distance.iter().map(|(_, id, _)| *id).collect();
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
        mixer.heard(places).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn the_nearest_are_heard() {
        let mut mixer = Mixer::default();
        let places: Vec<_> = (0..1000_u32).map(|id| (id, f64::from(1000 - id))).collect();
        let heard = ids(&mut mixer, &places);
        assert_eq!(heard, (968..1000).collect());
    }

    #[test]
    fn two_at_about_the_same_distance_do_not_take_turns() {
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
    fn muted_and_silent_ones_are_not_heard_and_one_alone_is() {
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
