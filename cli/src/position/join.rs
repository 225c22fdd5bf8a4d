//! `soundstage position join`: a character that goes where standard input says.

use clap::Args;
use soundstage_proto::position::{Join, Pos, Sample};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::Stage;
use super::sync::Sync;
use crate::client::ClientArgs;
use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct JoinArgs {
    /// What it is called [default: as the user]
    #[arg(required_unless_present = "user_id")]
    name: Option<String>,
    /// The user of the directory that it is
    #[arg(long, value_name = "ID")]
    user_id: Option<u32>,
    /// A name for this source, by which it finds its character again if the connection was lost
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
}

pub(super) async fn run(
    mut stage: Stage,
    args: &ClientArgs,
    join: JoinArgs,
) -> Result<(), Failure> {
    let mut sync = Sync::open(&mut stage, args).await?;
    let own = sync.join(vec![Join {
        name: join.name.unwrap_or_default(),
        user_id: join.user_id.unwrap_or_default(),
        source: join.source.unwrap_or_default(),
    }]);
    let character = own.await?.first().copied().unwrap_or_default();
    eprintln!("character {character}; it goes where lines of x, y and z say, in metres");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut number = 0;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.map_err(Failure::Stdin)?,
            alive = sync.stay() => return alive,
            _ = &mut interrupted => None,
        };
        let Some(line) = line else { break };
        number += 1;
        if !line.trim().is_empty() {
            let position = place(&line).ok_or_else(|| {
                Failure::BadInput(format!(
                    "line {number}: {line:?} is no place; write x, y and z in metres, such as 1 -0.5 0"
                ))
            })?;
            let sample = Sample {
                character,
                position: Some(position),
                ..Sample::default()
            };
            sync.put(&[sample]).await?;
        }
    }
    sync.finish().await
}

/// Two or three numbers, with spaces or commas in between; without the third, on the ground.
fn place(line: &str) -> Option<Pos> {
    let numbers = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let numbers: Vec<f32> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    match numbers[..] {
        [x, y] => Some(Pos { x, y, z: 0.0 }),
        [x, y, z] => Some(Pos { x, y, z }),
        _ => None,
    }
}
