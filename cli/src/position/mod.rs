//! `soundstage position …`: a command for each method of `PositionService`, and commands for recordings.

mod interest;
mod join;
mod record;
mod recording;
mod render;
mod replay;
mod simulate;
mod sync;
mod watch;

use clap::{Args, Subcommand};
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{Msg, Pos, Position};

use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::{OutputFormat, Printer};

#[derive(Subcommand)]
pub(crate) enum PositionCommand {
    /// Print the position of the default character
    Get {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print every character on the stage with its position
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print positions as they change
    Watch {
        #[command(flatten)]
        interest: interest::InterestArgs,
        /// Stop after N positions
        #[arg(long, value_name = "N")]
        count: Option<usize>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Move the default character to a position, in metres from the listener
    #[command(allow_negative_numbers = true)]
    Publish {
        /// Distance forward
        x: f32,
        /// Distance to the left
        y: f32,
        /// Distance upward
        #[arg(default_value_t = 0.0)]
        z: f32,
        // Prints nothing, but accepts --output so that a script can pass it to every command.
        #[command(flatten)]
        _output: OutputArgs,
    },
    /// Join the stage with a character that moves to the positions on standard input
    Join(join::JoinArgs),
    /// Record positions in a file until Ctrl-C, one JSON object on each line
    Record(record::RecordArgs),
    /// Replay a recording on the stage; its characters leave at its end
    Replay(replay::ReplayArgs),
    /// Add characters that move by themselves, for demonstrations and load tests
    Simulate(simulate::SimulateArgs),
    /// Render a voice that moves along a recording to a stereo file; needs no server
    Render(render::RenderArgs),
}

/// The output format. Flattened per command, because `--output` of `render` is a file.
#[derive(Args)]
pub(crate) struct OutputArgs {
    /// Output format; json prints one object on each line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: OutputFormat,
}

type Stage = PositionServiceClient<tonic::transport::Channel>;

/// Runs a command; connects only if the command needs a server.
pub(crate) async fn run(command: PositionCommand, args: ClientArgs) -> Result<(), Failure> {
    let connect = async || Ok::<_, Failure>(Stage::new(args.connect().await?));
    match command {
        PositionCommand::Get { output } => {
            let response = connect()
                .await?
                .position_req(args.request(Msg::default()))
                .await?
                .into_inner();
            let position = response.position.ok_or(Failure::IncompleteResponse)?;
            Printer::new(output.output).position(&position)
        }
        PositionCommand::List { output } => watch::list(connect().await?, &args, &output).await,
        PositionCommand::Watch {
            interest,
            count,
            output,
        } => watch::watch(connect().await?, &args, &interest, count, &output).await,
        PositionCommand::Publish { x, y, z, .. } => {
            let position = Position {
                position: Some(Pos { x, y, z }),
                ..Position::default()
            };
            let mut stage = connect().await?;
            stage.position_pub(args.request(position)).await?;
            Ok(())
        }
        PositionCommand::Join(join) => join::run(connect().await?, &args, join).await,
        PositionCommand::Record(record) => record::run(connect().await?, &args, record).await,
        PositionCommand::Replay(replay) => replay::run(connect().await?, &args, replay).await,
        PositionCommand::Simulate(simulate) => {
            simulate::run(connect().await?, &args, simulate).await
        }
        PositionCommand::Render(render) => render::run(&render),
    }
}
