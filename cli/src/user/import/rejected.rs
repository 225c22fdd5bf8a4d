//! The file of rejected rows.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use soundstage_formats::{Format, Rejected, RejectedRows};

use crate::failure::Failure;

/// The file of the rejected rows of an import, created with the first rejected row.
pub(super) struct RejectedFile {
    pub(super) path: PathBuf,
    file: Option<io::BufWriter<File>>,
    pub(super) rows: RejectedRows,
}

impl RejectedFile {
    pub(super) fn new(path: PathBuf, format: Format) -> Self {
        Self {
            path,
            file: None,
            rows: RejectedRows::new(format),
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &Rejected) -> Result<(), Failure> {
        let mut text = String::new();
        self.rows.add(row, &mut text);
        self.write(&text)
    }

    /// Completes the file, if there is one.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let mut text = String::new();
        self.rows.finish(&mut text);
        if self.rows.count() > 0 {
            self.write(&text)?;
        }
        match &mut self.file {
            Some(file) => file
                .flush()
                .map_err(|error| Failure::file(&self.path, error)),
            None => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let file = match &mut self.file {
            Some(file) => Ok(file),
            None => File::create(&self.path).map(|file| self.file.insert(io::BufWriter::new(file))),
        };
        file.and_then(|file| file.write_all(text.as_bytes()))
            .map_err(|error| Failure::file(&self.path, error))
    }
}
