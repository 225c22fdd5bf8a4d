//! Which characters a command is about.

use clap::Args;
use soundstage_proto::position::PositionSubRequest;

/// Which characters; without any of these it is the default one alone.
#[derive(Args)]
pub(crate) struct ChoiceArgs {
    /// All characters on the stage
    #[arg(long)]
    all: bool,
    /// This character; can be repeated
    #[arg(long = "character", value_name = "ID", conflicts_with = "all")]
    characters: Vec<u32>,
    /// At most so many updates a second [default: as many as there are]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=30))]
    max_rate: Option<u32>,
}

impl ChoiceArgs {
    pub(super) fn request(&self) -> PositionSubRequest {
        PositionSubRequest {
            characters: self.characters.clone(),
            all: self.all,
            max_rate: self.max_rate.unwrap_or_default(),
        }
    }
}
