//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that gets its name once its content is complete and on the disk. Until then the content is in a file beside it,
/// which is removed if it is dropped.
pub(crate) struct OutputFile {
    file: File,
    path: PathBuf,
    partial: PathBuf,
    is_complete: bool,
}

impl OutputFile {
    /// Creates the file of the content. Its name cannot be predicted, and no file or link has the name yet, so another
    /// user of the folder cannot redirect the content.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let partial = path.with_file_name(format!(".soundstage-{}.partial", random_name()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&partial)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            partial,
            is_complete: false,
        })
    }

    /// Returns a handle for writers that need to own the file.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives the file its name. The content reaches the disk before the name does, so a crash leaves the old file or the new.
    pub(crate) fn complete(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        self.is_complete = true;
        sync_folder(&self.path);
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.is_complete {
            // The caller reports the first failure. A failed removal adds nothing to it.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Writes the new name to the disk, where the file system can. The content is safe without it.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    }
}

/// Returns a name of 32 hexadecimal digits that cannot be predicted.
pub(crate) fn random_name() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}
