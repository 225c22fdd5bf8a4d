//! `soundstage position …`: a command for each method of `PositionService`, and for recordings of who goes where.

mod choice;
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

use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::output::Printer;

#[derive(Subcommand)]
pub(crate) enum PositionCommand {
    /// Print where the default character is
    Get {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print who is on the stage, and where
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print each new position as it comes, of the default character or of those you choose
    Watch {
        #[command(flatten)]
        choice: choice::ChoiceArgs,
        /// Stop after this many
        #[arg(long, value_name = "N")]
        count: Option<usize>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Put the default character somewhere, in metres from the listener
    #[command(allow_negative_numbers = true)]
    Publish {
        /// Forward
        x: f32,
        /// Left
        y: f32,
        /// Up
        #[arg(default_value_t = 0.0)]
        z: f32,
        // Nothing is printed; scripts that say it to every call may say it here.
        #[command(flatten)]
        _output: OutputArgs,
    },
    /// Put a character of your own on the stage, and move it as lines of x, y and z on standard input say
    Join(join::JoinArgs),
    /// Write each new position into a file, until Ctrl-C: an object a line, `{"time_ms":0,"x":1,"y":0,"z":0}`
    Record(record::RecordArgs),
    /// Move characters as a recording says: the default one, and others that come for it and leave at its end
    Replay(replay::ReplayArgs),
    /// Put so many characters on the stage that move by themselves, for demonstrations and load
    Simulate(simulate::SimulateArgs),
    /// Make a stereo recording of a voice that goes where a recording says, as the listener hears it; needs no server
    Render(render::RenderArgs),
}

/// For the commands that are calls; another's `--output` is a file.
#[derive(Args)]
pub(crate) struct OutputArgs {
    /// How to print answers; json is one object a line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: OutputFormat,
}

type Stage = PositionServiceClient<tonic::transport::Channel>;

/// Runs one command, against the server if it needs one.
pub(crate) async fn run(command: PositionCommand, args: ClientArgs) -> Result<(), Failure> {
    let connect = async || Ok::<_, Failure>(Stage::new(args.connect().await?));
    match command {
        PositionCommand::Get { output } => {
            let answer = connect()
                .await?
                .position_req(args.request(Msg::default()))
                .await?
                .into_inner();
            let position = answer.position.ok_or(Failure::IncompleteAnswer)?;
            Printer::new(output.output).position(&position)
        }
        PositionCommand::List { output } => watch::list(connect().await?, &args, &output).await,
        PositionCommand::Watch {
            choice,
            count,
            output,
        } => watch::watch(connect().await?, &args, &choice, count, &output).await,
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
