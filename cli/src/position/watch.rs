//! `soundstage position watch` and `list`: who is on the stage, and where.

use std::collections::BTreeMap;

use soundstage_proto::position::{Character, PositionSubRequest, StageUpdate};

use super::{OutputArgs, Stage, choice::ChoiceArgs};
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::Printer;

/// Prints each new position, at most `count`.
pub(super) async fn watch(
    mut stage: Stage,
    args: &ClientArgs,
    choice: &ChoiceArgs,
    count: Option<usize>,
    output: &OutputArgs,
) -> Result<(), Failure> {
    let request = args.request(choice.request());
    let mut updates = stage.position_sub(request).await?.into_inner();
    let mut printer = Printer::new(output.output);
    let mut names = BTreeMap::new();
    let mut left = count.unwrap_or(usize::MAX);
    while left > 0
        && let Some(update) = updates.message().await?
    {
        if let Some(position) = &update.position {
            printer.position(position)?;
            left -= 1;
        }
        left -= print(&mut printer, &mut names, update, left)?;
    }
    Ok(())
}

/// Prints who is on the stage now.
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
    // Before the stage's first tick there may be a heartbeat.
    while let Some(update) = updates.message().await? {
        if update.complete {
            print(&mut printer, &mut BTreeMap::new(), update, usize::MAX)?;
            return Ok(());
        }
    }
    Err(Failure::IncompleteAnswer)
}

/// Prints the samples of an update, at most so many, and who has left; how many samples it were.
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
        printer.sample(character.ok_or(Failure::IncompleteAnswer)?, sample)?;
        count += 1;
    }
    for id in gone {
        if let Some(character) = characters.remove(&id) {
            printer.left(&character)?;
        }
    }
    Ok(count)
}
