//! Playing a recording.

use std::collections::BTreeMap;

use soundstage_proto::DEFAULT_CHARACTER;
use soundstage_proto::position::{Pos, Sample};

use super::{Moment, Recording};

/// A player of a recording: returns the moments that are due, and the time of the next moment. Times are in
/// milliseconds since the playback began.
#[derive(Debug)]
pub struct Player<'a> {
    recording: &'a Recording,
    speed: f64,
    next: usize,
}

impl<'a> Player<'a> {
    /// Creates a player at `speed` times the recorded speed.
    pub fn new(recording: &'a Recording, speed: f64) -> Self {
        Self {
            recording,
            speed,
            next: 0,
        }
    }

    /// Returns the time of the next moment, or `None` at the end.
    pub fn next_at(&self) -> Option<f64> {
        let next = self.recording.moments.get(self.next)?;
        Some(self.time(next))
    }

    /// Returns the moments that are due, each with its time. A character's latest moment supersedes its earlier
    /// moments.
    fn due(&mut self, now: f64) -> Vec<(f64, Moment)> {
        let mut due = BTreeMap::new();
        while let Some(next) = self.recording.moments.get(self.next)
            && self.time(next) <= now
        {
            due.insert(next.appearance, (self.time(next), *next));
            self.next += 1;
        }
        due.into_values().collect()
    }

    /// Returns the due moments as samples and as ids of characters that leave. `ids` has the id of each appearance. The
    /// default character never leaves.
    pub fn messages(&mut self, now: f64, ids: &[u32]) -> (Vec<Sample>, Vec<u32>) {
        let (mut samples, mut leaves) = (Vec::new(), Vec::new());
        for (time, moment) in self.due(now) {
            let character = ids[moment.appearance];
            match moment.position {
                Some([x, y, z]) => samples.push(Sample {
                    character,
                    // The server replaces 0 by its own clock.
                    time_ms: time as i64 + 1,
                    position: Some(Pos { x, y, z }),
                    ..Sample::default()
                }),
                None if character != DEFAULT_CHARACTER => leaves.push(character),
                None => (),
            }
        }
        (samples, leaves)
    }

    fn time(&self, moment: &Moment) -> f64 {
        let first = self.recording.moments.first();
        let first = first.map_or(0, |first| first.time_ms);
        (moment.time_ms - first) as f64 / self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn a_player_skips_superseded_moments() {
        let text = r#"{"time_ms":1000,"x":0,"y":0}
{"time_ms":1100,"x":1,"y":0}
{"time_ms":1100,"character":5,"x":9,"y":0}
{"time_ms":1200,"x":2,"y":0}
{"time_ms":2000,"character":5,"left":true}
"#;
        let recording = read(text).expect("a recording");
        let mut player = Player::new(&recording, 2.0);
        assert_eq!(player.next_at(), Some(0.0));
        assert_eq!(player.due(0.0).len(), 1);
        assert_eq!(player.next_at(), Some(50.0));
        let due = player.due(120.0);
        let positions: Vec<_> = due
            .iter()
            .map(|(at, moment)| (*at, moment.position))
            .collect();
        let expected = [
            (100.0, Some([2.0, 0.0, 0.0])),
            (50.0, Some([9.0, 0.0, 0.0])),
        ];
        assert_eq!(positions, expected);
        assert_eq!(player.next_at(), Some(500.0));
        assert_eq!(player.due(500.0)[0].1.position, None);
        assert_eq!(player.next_at(), None);
        let newcomers: Vec<_> = recording.newcomers().collect();
        assert_eq!(newcomers, [(1, "Character 5".to_owned())]);

        let ids = recording.ids(&[9]);
        assert_eq!(ids, [DEFAULT_CHARACTER, 9]);
        let (samples, leaves) = Player::new(&recording, 2.0).messages(120.0, &ids);
        let sent = samples
            .iter()
            .map(|sample| (sample.character, sample.time_ms));
        assert_eq!(
            sent.collect::<Vec<_>>(),
            [(DEFAULT_CHARACTER, 101), (9, 51)]
        );
        assert!(leaves.is_empty());
        let (samples, leaves) = Player::new(&recording, 2.0).messages(500.0, &ids);
        assert_eq!((samples.len(), leaves), (1, vec![9]));
    }
}
