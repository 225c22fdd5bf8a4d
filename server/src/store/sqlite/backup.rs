//! Backups: a copy of a database that a server may be using, as of one moment.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::{ErrorKind, StoreError};
use super::schema;

/// The number of pages that one step copies: 4 MiB.
const PAGES: i32 = 1024;

/// Copies the database at `source` to a new file, and returns the number of users in the copy.
///
/// The copy has the state of one moment; servers go on reading and writing meanwhile. The new file appears under its
/// name once it is complete and on disk.
///
/// # Errors
/// Returns an error, with the path of the affected file, if the database cannot be read, or if the new file exists or
/// cannot be written.
pub fn backup(source: &Path, target: &Path) -> Result<u32, StoreError> {
    let of_source = |kind| StoreError::new(source, kind);
    let of_target = |error: io::Error| StoreError::new(target, kind_of(&error));
    let connection = schema::open_source(source).map_err(of_source)?;
    if target.symlink_metadata().is_ok() {
        return Err(StoreError::new(target, ErrorKind::Exists));
    }
    let partial = partial(target);
    // Fails if the name is taken.
    drop(
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&partial)
            .map_err(of_target)?,
    );
    let copied = copy(connection, &partial)
        .map_err(of_source)
        .and_then(|users| {
            File::open(&partial)
                .and_then(|file| file.sync_all())
                .and_then(|()| publish(&partial, target))
                .map_err(of_target)?;
            Ok(users)
        });
    let removed = match std::fs::remove_file(&partial) {
        // The name was not linked but moved.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    let users = copied?;
    removed
        .and_then(|()| sync_folder(target))
        .map_err(of_target)?;
    Ok(users)
}

/// Copies all pages within one read transaction; otherwise the copy would restart after each change.
fn copy(mut source: Connection, target: &Path) -> Result<u32, ErrorKind> {
    let source = source.transaction()?;
    let users = source.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
    let mut target = Connection::open(target)?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => return Err(ErrorKind::Locked),
            _ => {}
        }
    }
    drop(backup);
    Ok(users)
}

/// Gives the copy its name as well. Unlike a rename, a link replaces no file that has appeared meanwhile; a file system
/// without links gets a rename.
fn publish(partial: &Path, target: &Path) -> io::Result<()> {
    match std::fs::hard_link(partial, target) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            std::fs::rename(partial, target)
        }
        linked => linked,
    }
}

/// Returns the name of the incomplete copy, in the same folder. The process id keeps two backups apart.
fn partial(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    name.into()
}

/// Syncs the folder of a new file, so that its name is on disk.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::AlreadyExists => ErrorKind::Exists,
        io::ErrorKind::StorageFull => ErrorKind::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        _ => ErrorKind::CannotOpen(error.to_string()),
    }
}
