//! `soundstage position join`: a character that moves to the positions on standard input.

use clap::Args;
use soundstage_proto::position::{Join, Pos, Sample};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::Stage;
use super::sync::SyncCall;
use crate::client::ClientArgs;
use crate::failure::Failure;

#[derive(Args)]
#[command(
    after_help = "Each line of standard input is a position: x, y and z in metres, such as 1 -0.5 0"
)]
pub(crate) struct JoinArgs {
    /// Name of the character [default: the user's nickname]
    #[arg(required_unless_present = "user_id")]
    name: Option<String>,
    /// Id of the user that the character stands for
    #[arg(long, value_name = "ID")]
    user_id: Option<u32>,
    /// Name of this source; joining again with the same name resumes the same character
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
}

pub(super) async fn run(
    mut stage: Stage,
    args: &ClientArgs,
    join: JoinArgs,
) -> Result<(), Failure> {
    let mut call = SyncCall::open(&mut stage, args).await?;
    let own = call.join(vec![Join {
        name: join.name.unwrap_or_default(),
        user_id: join.user_id.unwrap_or_default(),
        source: join.source.unwrap_or_default(),
    }]);
    let character = own.await?.first().copied().unwrap_or_default();
    eprintln!("joined as character {character}; enter lines of x, y and z in metres to move");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut number = 0;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.map_err(Failure::Stdin)?,
            ended = call.keep_alive() => return ended,
            _ = &mut interrupted => None,
        };
        let Some(line) = line else { break };
        number += 1;
        if !line.trim().is_empty() {
            let position = parse_position(&line).ok_or_else(|| {
                Failure::InvalidInput(format!(
                    "line {number}: {line:?} is not a position; enter x, y and z in metres, such as 1 -0.5 0"
                ))
            })?;
            let sample = Sample {
                character,
                position: Some(position),
                ..Sample::default()
            };
            call.send_samples(&[sample]).await?;
        }
    }
    call.finish().await
}

/// Parses x, y and z, separated by spaces or commas. Without z, the position is on the ground.
fn parse_position(line: &str) -> Option<Pos> {
    let numbers = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let numbers: Vec<f32> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    match numbers[..] {
        [x, y] => Some(Pos { x, y, z: 0.0 }),
        [x, y, z] => Some(Pos { x, y, z }),
        _ => None,
    }
}
