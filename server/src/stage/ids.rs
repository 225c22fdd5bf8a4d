//! Identifiers of calls and characters.

use soundstage_proto::DEFAULT_CHARACTER;

/// A call that publishes characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct CallId(u64);

impl CallId {
    /// The server itself, which publishes the default character.
    pub(super) const SERVER: Self = Self(0);

    /// Returns the id of the call that is opened after this call.
    pub(super) fn successor(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Issues character ids. No id is issued twice.
#[derive(Debug)]
pub(super) struct CharacterIds {
    next: u32,
}

impl CharacterIds {
    /// Starts after [`DEFAULT_CHARACTER`], which counts as issued.
    pub(super) fn new() -> Self {
        Self {
            next: DEFAULT_CHARACTER + 1,
        }
    }

    pub(super) fn issue(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn has_issued(&self, id: u32) -> bool {
        id < self.next
    }
}
