//! Reverse indexes by call and by source, so that a sample needs no scan.

use std::collections::{BTreeSet, HashMap};

use super::ids::CallId;

/// The characters that each call owns, and the character of each source.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Has no empty sets.
    by_call: HashMap<CallId, BTreeSet<u32>>,
    by_source: HashMap<String, u32>,
}

impl Index {
    /// Returns the characters that the call owns, in ascending order.
    pub(super) fn owned_by(&self, call: CallId) -> impl Iterator<Item = u32> {
        self.by_call.get(&call).into_iter().flatten().copied()
    }

    /// Returns the character of a source, if one is on the stage.
    pub(super) fn of_source(&self, source: &str) -> Option<u32> {
        self.by_source.get(source).copied()
    }

    pub(super) fn add_owner(&mut self, call: CallId, id: u32) {
        self.by_call.entry(call).or_default().insert(id);
    }

    pub(super) fn remove_owner(&mut self, call: CallId, id: u32) {
        if let Some(owned) = self.by_call.get_mut(&call) {
            owned.remove(&id);
            if owned.is_empty() {
                self.by_call.remove(&call);
            }
        }
    }

    /// Adds a source. Ignores the empty name, which many sources share.
    pub(super) fn add_source(&mut self, source: &str, id: u32) {
        if !source.is_empty() {
            self.by_source.insert(source.to_owned(), id);
        }
    }

    pub(super) fn remove_source(&mut self, source: &str) {
        self.by_source.remove(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_characters_has_no_entry() {
        let mut index = Index::default();
        let (first, second) = (CallId::SERVER, CallId::SERVER.successor());
        index.add_owner(first, 7);
        index.remove_owner(first, 7);
        index.add_owner(second, 7);
        assert_eq!(index.by_call.len(), 1);
        assert_eq!(index.owned_by(first).count(), 0);
        assert!(index.owned_by(second).eq([7]));
    }
}
