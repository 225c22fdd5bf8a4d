//! Tests of the `soundstage` binary as a process: its output, its exit status, crashes and shutdown.

mod acknowledged;
mod backup;
mod broken_disk;
mod characters;
mod clients_that_leave;
mod command_line;
mod import_export;
mod lying_server;
mod shutdown;
mod sound;
mod start;
mod unread_log;
