//! Conversions of places: from and to messages, directions and words.

use soundstage_proto::position::Pos;

pub(super) use soundstage_sound::Place;

use crate::language::key;

/// Converts the position of a message to a place.
pub(super) fn from_pos(Pos { x, y, z }: Pos) -> Place {
    Place {
        x: x.into(),
        y: y.into(),
        z: z.into(),
    }
}

/// Converts a place to the position of a message.
pub(super) fn to_pos(Place { x, y, z }: Place) -> Pos {
    Pos {
        x: x as f32,
        y: y as f32,
        z: z as f32,
    }
}

/// Returns the direction from one place to another in the plane, in degrees; `None` if both are the same.
pub(super) fn direction(from: Place, to: Place) -> Option<f64> {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    (dx.hypot(dy) > 1e-6).then(|| dy.atan2(dx).to_degrees())
}

/// Returns the direction of a place as the listener sees it, in words to translate.
pub(super) fn bearing(place: Place) -> &'static str {
    const WORDS: [&str; 8] = [
        key("ahead"),
        key("ahead to the left"),
        key("to the left"),
        key("behind to the left"),
        key("behind"),
        key("behind to the right"),
        key("to the right"),
        key("ahead to the right"),
    ];
    let octant = (place.azimuth().rem_euclid(360.0) / 45.0).round() as usize;
    WORDS[octant % WORDS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearings_are_relative_to_a_listener_who_faces_forward() {
        let at = |x, y| bearing(Place { x, y, z: 0.0 });
        assert_eq!(at(1.0, 0.1), "ahead");
        assert_eq!(at(1.0, 1.0), "ahead to the left");
        assert_eq!(at(0.0, -1.0), "to the right");
        assert_eq!(at(-1.0, -0.01), "behind");
        assert_eq!(at(1.0, -0.1), "ahead");
    }
}
