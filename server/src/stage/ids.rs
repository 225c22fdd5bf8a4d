//! Identifiers of calls and characters.

use std::net::IpAddr;

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

/// The call that owns a character, with the address of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) call: CallId,
    /// `None` for the server itself, and if the address is not known.
    pub(super) address: Option<IpAddr>,
}

impl Owner {
    /// The server itself, which owns the default character.
    pub(super) const SERVER: Self = Self {
        call: CallId::SERVER,
        address: None,
    };
}

/// Issues character ids, in ascending order. After the largest id, the order restarts, so that an id is issued again
/// only after 4,294,967,294 others.
#[derive(Debug)]
pub(super) struct CharacterIds {
    /// The lowest id that may be next.
    next: u32,
    /// Whether the largest id has been issued.
    has_wrapped: bool,
}

impl CharacterIds {
    /// Starts after [`DEFAULT_CHARACTER`], which counts as issued.
    pub(super) fn new() -> Self {
        Self {
            next: DEFAULT_CHARACTER + 1,
            has_wrapped: false,
        }
    }

    /// Issues an id that is not in use. The stage has far fewer characters than there are ids, so there is one.
    pub(super) fn issue(&mut self, is_in_use: impl Fn(u32) -> bool) -> u32 {
        loop {
            let id = self.next;
            self.next = id.checked_add(1).unwrap_or_else(|| {
                self.has_wrapped = true;
                DEFAULT_CHARACTER + 1
            });
            if !is_in_use(id) {
                return id;
            }
        }
    }

    pub(super) fn has_issued(&self, id: u32) -> bool {
        id < self.next || self.has_wrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_anew_after_the_largest_and_pass_over_ids_in_use() {
        let mut ids = CharacterIds {
            next: u32::MAX,
            ..CharacterIds::new()
        };
        let is_in_use = |id| id == DEFAULT_CHARACTER || id == 2;
        assert_eq!(ids.issue(is_in_use), u32::MAX);
        assert_eq!(ids.issue(is_in_use), 3);
        assert_eq!(ids.issue(is_in_use), 4);
        assert!(ids.has_issued(4_000_000_000));
    }
}
