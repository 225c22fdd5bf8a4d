//! `soundstage database`: works on the database file, without a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use soundstage_server::Settings;
use soundstage_server::store::sqlite;

use crate::failure::Failure;
use crate::output::line;
use crate::plural::counted;

#[derive(Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Copy the database to a new file, also while a server uses it
    #[command(
        after_help = "To restore a backup: stop the server, put the backup in the place of the database file, \
                      delete the files beside it that end with -wal and -shm, and start the server."
    )]
    Backup(BackupArgs),
}

#[derive(Args)]
pub(crate) struct BackupArgs {
    /// File to create. An existing file is not overwritten
    file: PathBuf,
    /// Database file of the users
    #[arg(long, value_name = "FILE", env = "SOUNDSTAGE_DATABASE", default_value_os_t = Settings::default().database)]
    database: PathBuf,
}

pub(crate) fn run(command: DatabaseCommand) -> Result<(), Failure> {
    let DatabaseCommand::Backup(BackupArgs { file, database }) = command;
    let users = sqlite::backup(&database, &file).map_err(Failure::Database)?;
    line(format_args!(
        "Backed up {} to {}",
        counted(u64::from(users), "user"),
        file.display()
    ))
}
