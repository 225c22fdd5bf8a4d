//! The repair of the index of grams: a read that finds damage asks the writer to rebuild the index.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::job::{Job, WakeUp};
use crate::directory::DirectoryError;

/// The number of rebuilds after which damage is blamed on the disk, and the index is not rebuilt again. Searches that
/// began before a rebuild can report the same damage again, but only once for each generation.
const MAX_REBUILDS: u32 = 3;

/// The state of the index, shared by the writer and the reads.
#[derive(Debug)]
pub(super) struct Repair {
    state: Mutex<State>,
    queue: mpsc::WeakSender<Box<dyn Job>>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of rebuilds so far.
    generation: u32,
    is_due: bool,
    has_failed: bool,
}

impl Repair {
    pub(super) fn new(queue: mpsc::WeakSender<Box<dyn Job>>) -> Self {
        Self {
            state: Mutex::default(),
            queue,
        }
    }

    /// Returns the generation of the index: the number of rebuilds so far.
    pub(super) fn generation(&self) -> u32 {
        self.state().generation
    }

    /// Asks the writer to rebuild the index, unless the index of this generation was rebuilt already. Returns the error
    /// for the caller that found the damage.
    pub(super) fn report(&self, generation: u32, sentence: String) -> DirectoryError {
        let mut state = self.state();
        if state.has_failed {
            return DirectoryError::Damaged(sentence);
        }
        if state.generation == generation && !state.is_due {
            state.is_due = true;
            drop(state);
            // A full queue wakes the writer as well.
            if let Some(queue) = self.queue.upgrade() {
                let _ = queue.try_send(Box::new(WakeUp));
            }
        }
        DirectoryError::Rebuilding(sentence)
    }

    /// Returns whether the writer has to rebuild the index.
    pub(super) fn is_due(&self) -> bool {
        self.state().is_due
    }

    /// Records the end of a rebuild.
    pub(super) fn done(&self, is_rebuilt: bool) {
        let mut state = self.state();
        state.generation += 1;
        state.is_due = false;
        state.has_failed = !is_rebuilt || state.generation >= MAX_REBUILDS;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
