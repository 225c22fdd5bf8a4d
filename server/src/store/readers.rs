//! Connections to read through, as many as are in use at once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::error::StoreError;
use super::schema;

/// Read connections that wait for their next use. Reads are synchronous, so there are never more than threads that
/// serve calls.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
        }
    }

    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let result = idle
            .map_or_else(|| schema::open_reader(&self.path), Ok)
            .and_then(|connection| {
                let answer = query(&connection)?;
                // After a failure the connection is closed instead, since the failure may be its own.
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(connection);
                Ok(answer)
            });
        result.map_err(|error| StoreError::new(&self.path, error))
    }
}
