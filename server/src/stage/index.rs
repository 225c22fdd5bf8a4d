//! Reverse indexes by call, by address and by source, so that a sample needs no scan.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::ids::{CallId, Owner};

/// The characters that each call owns, how many each address owns, and the character of each source.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The characters of each call. Contains no empty sets.
    owned: HashMap<CallId, BTreeSet<u32>>,
    /// The number of characters of each address. Contains no zeros.
    counts: HashMap<IpAddr, usize>,
    sources: HashMap<String, u32>,
}

impl Index {
    /// Returns the characters that the call owns, in ascending order.
    pub(super) fn owned_by(&self, call: CallId) -> impl Iterator<Item = u32> {
        self.owned.get(&call).into_iter().flatten().copied()
    }

    /// Returns the character of a source, if one is on the stage.
    pub(super) fn of_source(&self, source: &str) -> Option<u32> {
        self.sources.get(source).copied()
    }

    /// Returns the number of characters that the call owns.
    pub(super) fn count_of_call(&self, call: CallId) -> usize {
        self.owned.get(&call).map_or(0, BTreeSet::len)
    }

    /// Returns the number of characters that calls of the address own; 0 for an unknown address.
    pub(super) fn count_of_address(&self, address: Option<IpAddr>) -> usize {
        let count = address.and_then(|address| self.counts.get(&address));
        count.copied().unwrap_or_default()
    }

    pub(super) fn add_owner(&mut self, owner: Owner, id: u32) {
        let is_new = self.owned.entry(owner.call).or_default().insert(id);
        if is_new && let Some(address) = owner.address {
            *self.counts.entry(address).or_default() += 1;
        }
    }

    pub(super) fn remove_owner(&mut self, owner: Owner, id: u32) {
        let Entry::Occupied(mut characters) = self.owned.entry(owner.call) else {
            return;
        };
        let was_owned = characters.get_mut().remove(&id);
        if characters.get().is_empty() {
            characters.remove();
        }
        if was_owned
            && let Some(address) = owner.address
            && let Entry::Occupied(mut count) = self.counts.entry(address)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Adds a source. Ignores the empty name, which many sources share.
    pub(super) fn add_source(&mut self, source: &str, id: u32) {
        if !source.is_empty() {
            self.sources.insert(source.to_owned(), id);
        }
    }

    pub(super) fn remove_source(&mut self, source: &str) {
        self.sources.remove(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(call: u64, address: [u8; 4]) -> Owner {
        let call = (0..call).fold(CallId::SERVER, |call, _| call.successor());
        let address = Some(IpAddr::from(address));
        Owner { call, address }
    }

    #[test]
    fn a_call_or_an_address_without_characters_has_no_entry() {
        let mut index = Index::default();
        let (first, second) = (owner(1, [127, 0, 0, 1]), owner(2, [127, 0, 0, 2]));
        index.add_owner(first, 7);
        index.remove_owner(first, 7);
        index.remove_owner(first, 7);
        index.add_owner(second, 7);
        index.add_owner(second, 7);
        assert_eq!((index.owned.len(), index.counts.len()), (1, 1));
        assert_eq!(index.owned_by(first.call).count(), 0);
        assert!(index.owned_by(second.call).eq([7]));
        assert_eq!(index.count_of_call(second.call), 1);
        assert_eq!(index.count_of_address(second.address), 1);
        assert_eq!(index.count_of_address(first.address), 0);
        assert_eq!(index.count_of_address(None), 0);
    }
}
