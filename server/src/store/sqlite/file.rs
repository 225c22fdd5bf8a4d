//! The file of a database: the lock that keeps a second server out, and the check that the file is still in its place.
//!
//! A process that has opened a file keeps writing to it after the file was deleted or replaced, and those changes are
//! lost at the next start. So before the writer acknowledges a commit, it compares the identities of the database and
//! of its write-ahead log with the identities at the start. The two look-ups take a few microseconds; the sync of a
//! commit takes far longer.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::ErrorKind;

/// A lock on a database. The operating system releases the lock when the process ends, however it ends.
///
/// The lock is on a side file, which SQLite and its tools ignore, so that they can still read the database. It is not
/// on the database file, because closing that file would release all locks of the process on it, SQLite's included.
#[derive(Debug)]
pub(super) struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Locks the database at `path` for this store.
    pub(super) fn take(path: &Path) -> Result<Self, ErrorKind> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(beside(path, "-lock"))
            .map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    ErrorKind::ReadOnly
                }
                io::ErrorKind::StorageFull => ErrorKind::DiskFull,
                _ => ErrorKind::CannotOpen(error.to_string()),
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::InUse),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "cannot lock the database; start no second server on it");
                Ok(Self { _file: file })
            }
        }
    }
}

/// The paths of a database and of its write-ahead log, and the identities of both files at the start.
#[derive(Debug)]
pub(super) struct Place {
    database: PathBuf,
    log: PathBuf,
    at_start: (Identity, Identity),
}

/// The identity of a file on this machine, independent of its name.
type Identity = (u64, u64);

impl Place {
    /// Returns the place of an open database in WAL mode.
    pub(super) fn new(path: &Path) -> Result<Self, ErrorKind> {
        let log = beside(path, "-wal");
        let identity = |path: &Path| {
            look_up(path)
                .map(|(identity, _)| identity)
                .map_err(|error| ErrorKind::CannotOpen(error.to_string()))
        };
        Ok(Self {
            at_start: (identity(path)?, identity(&log)?),
            database: path.to_owned(),
            log,
        })
    }

    /// Checks that both files are still in place. Returns the size of the write-ahead log in bytes.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Replaced`] if a file was deleted or replaced.
    pub(super) fn check(&self) -> Result<u64, ErrorKind> {
        let (database, _) = look_up(&self.database).map_err(|_| ErrorKind::Replaced)?;
        let (log, log_size) = look_up(&self.log).map_err(|_| ErrorKind::Replaced)?;
        if (database, log) == self.at_start {
            Ok(log_size)
        } else {
            Err(ErrorKind::Replaced)
        }
    }
}

/// Returns the identity of a file and its size in bytes.
///
/// Does not ask for the times of the file. Since version 6.13, Linux gives a file whose times were read new times with the
/// next write, and the next sync has to write these too: adding a user would take a twentieth longer.
#[cfg(target_os = "linux")]
fn look_up(path: &Path) -> io::Result<(Identity, u64)> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let fields = StatxFlags::INO | StatxFlags::SIZE;
    let file = statx(CWD, path, AtFlags::empty(), fields)?;
    let device = (u64::from(file.stx_dev_major) << 32) | u64::from(file.stx_dev_minor);
    Ok(((device, file.stx_ino), file.stx_size))
}

/// Returns the identity of a file and its size in bytes.
#[cfg(not(target_os = "linux"))]
fn look_up(path: &Path) -> io::Result<(Identity, u64)> {
    let metadata = std::fs::metadata(path)?;
    #[cfg(unix)]
    let identity = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.dev(), metadata.ino())
    };
    // On this system an open file cannot be deleted or replaced.
    #[cfg(not(unix))]
    let identity = (0, 0);
    Ok((identity, metadata.len()))
}

/// Returns the path of a file that belongs to the database at `path`. Follows a link, as SQLite does.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path
        .canonicalize()
        .unwrap_or_else(|_| path.to_owned())
        .into_os_string();
    name.push(suffix);
    name.into()
}
