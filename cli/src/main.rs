//! `soundstage`: the server, and a client for every method.

mod client;
mod database;
mod escape;
mod exit_status;
mod failure;
mod ids;
mod log;
mod open_files;
mod output;
mod output_file;
mod plural;
mod position;
mod serve;
mod user;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use client::ClientArgs;
use exit_status::ExitStatus;
use failure::Failure;
use output::OutputFormat;

/// Returns memory to the operating system within seconds after a burst of connections or streams. The allocator of glibc
/// keeps the most that the server ever used.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A user directory and a stage of moving characters, over gRPC, gRPC-Web and a web page
#[derive(Parser)]
#[command(name = "soundstage", version, max_term_width = 100, after_help = ExitStatus::help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// List, change, watch, import and export users
    User {
        #[command(subcommand)]
        command: user::UserCommand,
        #[command(flatten)]
        client: ClientArgs,
        /// Output format; json prints one object on each line
        #[arg(
            long,
            global = true,
            value_name = "FORMAT",
            value_enum,
            default_value_t
        )]
        output: OutputFormat,
    },
    /// Watch, move and record the characters on the stage, and render their sound
    Position {
        #[command(subcommand)]
        command: position::PositionCommand,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Back up the database file
    Database {
        #[command(subcommand)]
        command: database::DatabaseCommand,
    },
    /// Print a completion script for a shell
    #[command(after_help = "For bash: source <(soundstage completions bash)")]
    Completions {
        /// The shell
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
        Command::Database { command } => database::run(command),
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
        Ok(()) => ExitStatus::Success.into(),
        Err(failure) => {
            if !matches!(failure, Failure::OutputClosed) {
                eprintln!("soundstage: {failure}");
            }
            failure.exit_status().into()
        }
    }
}
