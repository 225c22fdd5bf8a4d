//! The flags that choose the characters of a command.

use clap::Args;
use soundstage_proto::position::PositionSubRequest;

/// The characters to receive; the default character alone if no flag is set.
#[derive(Args)]
pub(crate) struct InterestArgs {
    /// All characters on the stage
    #[arg(long)]
    all: bool,
    /// The character with this id; can be repeated [default: the default character]
    #[arg(long = "character", value_name = "ID", conflicts_with = "all")]
    characters: Vec<u32>,
    /// At most this many updates per second, 1 to 30 [default: every update]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=30))]
    max_rate: Option<u32>,
}

impl InterestArgs {
    pub(super) fn request(&self) -> PositionSubRequest {
        PositionSubRequest {
            characters: self.characters.clone(),
            all: self.all,
            max_rate: self.max_rate.unwrap_or_default(),
        }
    }
}
