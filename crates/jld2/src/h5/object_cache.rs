//! Remembers objects that were read. A small file is walked several times and all of it is kept; of a
//! large one that which was read first, and what comes later is read each time.
//!
//! Once there is no room left nothing changes any more, so that whoever looks for one of very many
//! objects needs no lock.

use super::{AddressHashMap, Object, RelAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Objects that are remembered, in bytes of their headers: about 4 MB of memory.
const MOST: u64 = 512 << 10;
/// Where an object of no more bytes has no room left, there is none for others either.
const SMALL: u64 = 4 << 10;
/// Long headers that are remembered, and the bytes of each: they have at least 1 MiB in the file.
const MOST_LONG: usize = 64;
const LONG: u64 = 64 << 10;
/// The same of groups with very many links outside their headers.
const LISTED: u64 = 512 << 10;

/// Objects that were read.
#[derive(Debug, Default)]
pub(super) struct ObjectCache {
    open: Mutex<Open>,
    /// All that is remembered, but for what came late.
    full: OnceLock<AddressHashMap<Arc<Object>>>,
    /// Whether something is remembered that came later.
    late: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    known: AddressHashMap<Arc<Object>>,
    bytes: u64,
    long: usize,
}

impl ObjectCache {
    /// The object at `addr`, if it is remembered.
    pub(super) fn get(&self, addr: RelAddr) -> Option<Arc<Object>> {
        if let Some(full) = self.full.get() {
            if let Some(known) = full.get(&addr) {
                return Some(Arc::clone(known));
            }
            if !self.late.load(Ordering::Acquire) {
                return None;
            }
        }
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.known.get(&addr).map(Arc::clone)
    }

    /// A cache of those of its objects that are `wanted`.
    pub(super) fn only(&self, wanted: impl Fn(&Arc<Object>) -> bool) -> Self {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.full.get().into_iter().flatten().chain(&open.known);
        let wanted = all.filter(|(_, object)| wanted(object));
        let known = wanted.map(|(addr, object)| (*addr, Arc::clone(object))).collect();
        let open = Open { known, bytes: open.bytes, long: open.long };
        Self { open: Mutex::new(open), ..Self::default() }
    }

    /// Remembers the object at `addr`, which takes so many bytes, if there is room for it.
    pub(super) fn keep(&self, addr: RelAddr, object: &Arc<Object>, bytes: impl FnOnce() -> u64) {
        // To read very many links again takes long, and most of them are not held.
        let most = match (&object.header.runs, &object.header.listed) {
            (_, Some(_)) => LISTED,
            (Some(_), None) => LONG,
            (None, None) => 0,
        };
        if most == 0 && self.full.get().is_some() {
            return;
        }
        let bytes = bytes();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let long = bytes <= most && open.long < MOST_LONG;
        open.long += usize::from(long);
        let is_full = self.full.get().is_some();
        if long || (!is_full && open.bytes.saturating_add(bytes) <= MOST) {
            open.bytes += bytes;
            open.known.insert(addr, Arc::clone(object));
            self.late.store(is_full, Ordering::Release);
        } else if !is_full && bytes <= SMALL {
            // Whoever looks meanwhile waits here, and finds it missing at worst: it is read again.
            let _ = self.full.set(std::mem::take(&mut open.known));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, sample};

    #[test]
    fn what_was_kept_is_found_when_no_more_is_taken() {
        let file = File::from_source(sample::empty_file()).unwrap();
        let object = file.object(file.superblock().root).unwrap();
        let cache = ObjectCache::default();
        let keep = |addr: u64, bytes: u64| cache.keep(RelAddr(addr), &object, || bytes);
        let kept = |addr: u64| cache.get(RelAddr(addr)).is_some();
        keep(1, MOST - 100);
        keep(2, SMALL + 1);
        assert!(kept(1) && !kept(2), "a large one that has no room leaves it to smaller ones");
        keep(3, 100);
        keep(4, 1);
        assert!(kept(3) && !kept(4) && cache.full.get().is_some());
        keep(5, 0);
        assert!(kept(1) && kept(3) && !kept(5), "then nothing more is taken");
    }
}
