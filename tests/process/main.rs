//! The `soundstage` binary as a process: what it says, what it survives, how it ends.

mod acknowledged;
mod broken_disk;
mod characters;
mod clients_that_leave;
mod command_line;
mod import_export;
mod shutdown;
mod sound;
mod start;
