//! `soundstage position …`: a command for each method of `PositionService`, and for recordings of where the character goes.

mod record;
mod recording;
mod render;
mod replay;

use clap::{Args, Subcommand};
use soundstage_proto::position::position_service_client::PositionServiceClient;
use soundstage_proto::position::{Msg, Pos, Position};

use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::output::Printer;

#[derive(Subcommand)]
pub(crate) enum PositionCommand {
    /// Print where the character is
    Get {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print each new position as it comes
    Watch {
        /// Stop after this many
        #[arg(long, value_name = "N")]
        count: Option<usize>,
        #[command(flatten)]
        output: OutputArgs,
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
        // Nothing is printed; scripts that say it to every call may say it here.
        #[command(flatten)]
        _output: OutputArgs,
    },
    /// Write each new position into a file, until Ctrl-C: an object a line, `{"time_ms":0,"x":1,"y":0,"z":0}`
    Record(record::RecordArgs),
    /// Move the character as a recording says
    Replay(replay::ReplayArgs),
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
        PositionCommand::Watch { count, output } => {
            let mut printer = Printer::new(output.output);
            let mut answers = connect()
                .await?
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
        PositionCommand::Publish { x, y, z, .. } => {
            publish(&mut connect().await?, &args, Pos { x, y, z }).await
        }
        PositionCommand::Record(record) => record::run(connect().await?, &args, record).await,
        PositionCommand::Replay(replay) => replay::run(connect().await?, &args, replay).await,
        PositionCommand::Render(render) => render::run(&render),
    }
}

/// Puts the character there.
async fn publish(stage: &mut Stage, args: &ClientArgs, position: Pos) -> Result<(), Failure> {
    let position = Position {
        position: Some(position),
        ..Position::default()
    };
    stage.position_pub(args.request(position)).await?;
    Ok(())
}
