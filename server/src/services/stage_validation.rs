//! Validation of requests to the stage, shared by `PositionPub`, `PositionSub` and `PositionSync`.

use std::time::Duration;

use soundstage_proto::position::{Pos, PositionSubRequest};
use tonic::Status;

use super::status;
use crate::limits::MAX_COORDINATE;
use crate::stage::Interest;

/// The highest number of updates per second that a caller can request: the rate of the stage.
const MAX_RATE: u32 = 30;

/// The largest number of characters that a caller can list.
const MAX_LISTED: usize = 1000;

/// Validates the interest of a caller. `prefix` is the path of the request's fields, such as `receive.`.
pub(super) fn interest(prefix: &str, request: PositionSubRequest) -> Result<Interest, Status> {
    let PositionSubRequest {
        mut characters,
        all,
        max_rate,
    } = request;
    if max_rate > MAX_RATE {
        let field = format!("{prefix}max_rate");
        let description = "Choose 1 to 30 updates per second, or 0 for no limit.";
        return Err(status::invalid_field(field, description));
    }
    if characters.len() > MAX_LISTED {
        let field = format!("{prefix}characters");
        let description = "List at most 1,000 characters, or set `all`.";
        return Err(status::invalid_field(field, description));
    }
    characters.sort_unstable();
    characters.dedup();
    Ok(Interest {
        all,
        characters,
        min_interval: Duration::from_secs(1)
            .checked_div(max_rate)
            .unwrap_or_default(),
        excluded_call: None,
    })
}

/// Returns the position if it is present, finite and within [`MAX_COORDINATE`]. `field` returns the path of the position in
/// the request.
pub(super) fn position(
    field: impl FnOnce() -> String,
    position: Option<Pos>,
) -> Result<Pos, Status> {
    let Some(position) = position else {
        return Err(status::invalid_field(field(), "Send a position."));
    };
    let coordinates = [("x", position.x), ("y", position.y), ("z", position.z)];
    let invalid = coordinates
        .into_iter()
        // NaN is in no range.
        .find(|(_, metres)| !(-MAX_COORDINATE..=MAX_COORDINATE).contains(metres));
    match invalid {
        Some((axis, metres)) => {
            let description = if metres.is_finite() {
                "Send a number from -1,000,000 to 1,000,000 metres."
            } else {
                "Send a finite number of metres."
            };
            Err(status::invalid_field(
                format!("{}.{axis}", field()),
                description,
            ))
        }
        None => Ok(position),
    }
}
