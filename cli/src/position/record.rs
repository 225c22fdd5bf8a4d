//! `soundstage position record`: writes positions to a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use soundstage_formats::Recorder;

use super::Stage;
use super::interest::InterestArgs;
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::plural::counted;

#[derive(Args)]
#[command(after_help = "A line of the file: {\"time_ms\":0,\"x\":1,\"y\":0,\"z\":0}")]
pub(crate) struct RecordArgs {
    /// The file to write, or - for standard output
    file: PathBuf,
    #[command(flatten)]
    interest: InterestArgs,
    /// Stop after this time, for example 30s [default: at Ctrl-C]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
}

pub(super) async fn run(
    mut stage: Stage,
    args: &ClientArgs,
    record: RecordArgs,
) -> Result<(), Failure> {
    let is_stdout = record.file == Path::new("-");
    let mut output: Box<dyn Write> = if is_stdout {
        Box::new(io::stdout())
    } else {
        let file = File::create(&record.file);
        // Unbuffered: the recording is complete up to its last line however it ends.
        Box::new(file.map_err(|error| Failure::file(&record.file, error))?)
    };
    let request = args.request(record.interest.request());
    let mut updates = stage.position_sub(request).await?.into_inner();
    let mut recorder = Recorder::default();
    let start = Instant::now();
    let end = async {
        match record.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let mut count = 0_u64;
    loop {
        let update = tokio::select! {
            update = updates.message() => update?,
            () = &mut end => break,
            _ = &mut interrupted => break,
        };
        let Some(update) = update else { break };
        let time_ms = start.elapsed().as_millis() as u64;
        for line in recorder.lines(time_ms, &update) {
            writeln!(output, "{line}").map_err(Failure::output)?;
            count += 1;
        }
    }
    output.flush().map_err(Failure::output)?;
    if !is_stdout {
        eprintln!(
            "recorded {} in {}",
            counted(count, "line"),
            record.file.display()
        );
    }
    Ok(())
}
