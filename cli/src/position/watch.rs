//! `soundstage position watch` and `list`: print positions of characters.

use std::collections::BTreeMap;

use soundstage_proto::position::{Character, PositionSubRequest, StageUpdate};

use super::{OutputArgs, Stage, interest::InterestArgs};
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::Printer;

/// Prints positions as they change, at most `count`.
pub(super) async fn watch(
    mut stage: Stage,
    args: &ClientArgs,
    interest: &InterestArgs,
    count: Option<usize>,
    output: &OutputArgs,
) -> Result<(), Failure> {
    let request = args.request(interest.request());
    let mut updates = stage.position_sub(request).await?.into_inner();
    let mut printer = Printer::new(output.output);
    let mut characters = BTreeMap::new();
    let mut remaining = count.unwrap_or(usize::MAX);
    while remaining > 0
        && let Some(update) = updates.message().await?
    {
        if let Some(position) = &update.position {
            printer.position(position)?;
            remaining -= 1;
        }
        remaining -= print(&mut printer, &mut characters, update, remaining)?;
    }
    Ok(())
}

/// Prints every character that is on the stage now.
pub(super) async fn list(
    mut stage: Stage,
    args: &ClientArgs,
    output: &OutputArgs,
) -> Result<(), Failure> {
    let all = PositionSubRequest {
        all: true,
        ..PositionSubRequest::default()
    };
    let mut updates = stage.position_sub(args.request(all)).await?.into_inner();
    let mut printer = Printer::new(output.output);
    // Heartbeats may precede the first complete update.
    while let Some(update) = updates.message().await? {
        if update.complete {
            print(&mut printer, &mut BTreeMap::new(), update, usize::MAX)?;
            return Ok(());
        }
    }
    Err(Failure::IncompleteResponse)
}

/// Prints at most `at_most` samples of an update, and the characters that have left. Returns the number of samples
/// printed.
fn print(
    printer: &mut Printer,
    characters: &mut BTreeMap<u32, Character>,
    update: StageUpdate,
    at_most: usize,
) -> Result<usize, Failure> {
    let gone = update.gone(characters.keys().copied());
    for character in update.characters {
        characters.insert(character.id, character);
    }
    let mut count = 0;
    for sample in update.samples.iter().take(at_most) {
        let character = characters.get(&sample.character);
        printer.sample(character.ok_or(Failure::IncompleteResponse)?, sample)?;
        count += 1;
    }
    for id in gone {
        if let Some(character) = characters.remove(&id) {
            printer.left(&character)?;
        }
    }
    Ok(count)
}
