//! `soundstage position …`: a command for each method of `PositionService`.

use clap::Subcommand;
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{Msg, Pos, Position};

use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::Printer;

#[derive(Subcommand)]
pub(crate) enum PositionCommand {
    /// Print where the character is
    Get,
    /// Print each new position as it comes
    Watch {
        /// Stop after this many
        #[arg(long, value_name = "N")]
        count: Option<usize>,
    },
    /// Put the character somewhere, in metres from the listener
    #[command(allow_negative_numbers = true)]
    Publish {
        /// Forward
        x: f32,
        /// Left
        y: f32,
        /// Up
        #[arg(default_value_t = 0.0)]
        z: f32,
    },
}

/// Runs one command against the server.
pub(crate) async fn run(command: PositionCommand, args: ClientArgs) -> Result<(), Failure> {
    let mut stage = PositionServiceClient::new(args.connect().await?);
    let mut printer = Printer::new(args.output);
    match command {
        PositionCommand::Get => {
            let answer = stage
                .position_req(args.request(Msg::default()))
                .await?
                .into_inner();
            printer.position(&answer.position.ok_or(Failure::IncompleteAnswer)?)
        }
        PositionCommand::Watch { count } => {
            let mut answers = stage
                .position_sub(args.request(Msg::default()))
                .await?
                .into_inner();
            let mut left = count.unwrap_or(usize::MAX);
            while left > 0
                && let Some(answer) = answers.message().await?
            {
                printer.position(&answer.position.ok_or(Failure::IncompleteAnswer)?)?;
                left -= 1;
            }
            Ok(())
        }
        PositionCommand::Publish { x, y, z } => {
            let position = Position {
                position: Some(Pos { x, y, z }),
                ..Position::default()
            };
            stage.position_pub(args.request(position)).await?;
            Ok(())
        }
    }
}
