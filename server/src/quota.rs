//! Quotas of connections and WebSockets: in total and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of permits in use per IP address, and its limits.
#[derive(Debug)]
pub(crate) struct Quota {
    used: Mutex<Used>,
    max: usize,
    max_per_address: usize,
}

#[derive(Debug, Default)]
struct Used {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A permit. Its drop returns it to the quota.
#[derive(Debug)]
pub(crate) struct Permit {
    quota: Arc<Quota>,
    address: IpAddr,
}

impl Quota {
    pub(crate) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            used: Mutex::default(),
            max,
            max_per_address,
        })
    }

    /// Returns a permit for an address, or `None` past a limit.
    pub(crate) fn permit(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let mut used = self.lock();
        let from_address = used.by_address.get(&address).copied().unwrap_or_default();
        if used.total >= self.max || from_address >= self.max_per_address {
            return None;
        }
        used.total += 1;
        used.by_address.insert(address, from_address + 1);
        Some(Permit {
            quota: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut used = self.quota.lock();
        used.total -= 1;
        if let Some(from_address) = used.by_address.get_mut(&self.address) {
            *from_address -= 1;
            if *from_address == 0 {
                used.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_limited_in_total_and_per_address_and_return_when_dropped() {
        let quota = Quota::new(3, 2);
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = quota.permit(one);
        let second = quota.permit(one);
        assert!(first.is_some() && second.is_some());
        assert!(
            quota.permit(one).is_none(),
            "a third permit for one address"
        );
        let third = quota.permit(two);
        assert!(third.is_some());
        assert!(quota.permit(two).is_none(), "a fourth permit in total");
        drop(first);
        assert!(quota.permit(two).is_some());
    }
}
