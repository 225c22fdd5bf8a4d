//! `soundstage`: the server, and a client for every method.

mod client;
mod failure;
mod ids;
mod output;
mod position;
mod serve;
mod user;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use client::{ClientArgs, OutputFormat};
use failure::Failure;

/// A directory of users and a stage of moving characters, over gRPC, gRPC-Web and a web page.
#[derive(Parser)]
#[command(name = "soundstage", version, max_term_width = 100, after_help = failure::EXIT_STATUS_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Ask for users, change them, import and export them
    User {
        #[command(subcommand)]
        command: user::UserCommand,
        #[command(flatten)]
        client: ClientArgs,
        /// How to print answers; json is one object a line
        #[arg(
            long,
            global = true,
            value_name = "FORMAT",
            value_enum,
            default_value_t
        )]
        output: OutputFormat,
    },
    /// See who is on the stage, move them, record where they go and what is heard of it
    Position {
        #[command(subcommand)]
        command: position::PositionCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Print a completion script for a shell
    #[command(after_help = "For bash: source <(soundstage completions bash)")]
    Completions {
        /// Which shell it is for
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::User {
            command,
            client,
            output,
        } => client::block_on(user::run(command, client, output)),
        Command::Position { command, client } => client::block_on(position::run(command, client)),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "soundstage",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    };
    match result {
        // The reader of our output has gone, as `head` does: nothing is wrong.
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("soundstage: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}
