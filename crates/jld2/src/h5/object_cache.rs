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
    full: OnceLock<Full>,
    /// Whether something is remembered that came later.
    late: AtomicBool,
}

/// What is remembered when there is no room for more.
#[derive(Debug)]
struct Full {
    known: AddressHashMap<Arc<Object>>,
    /// A bit for the hash of each address: of very many objects only few are in the map.
    met: Box<[u64]>,
}

/// Bits of a [`Full`], as a power of two; objects with small headers are at most some 4000.
const BITS: u32 = 16;

impl Full {
    fn of(known: AddressHashMap<Arc<Object>>) -> Self {
        let mut met = vec![0; 1 << (BITS - 6)].into_boxed_slice();
        for addr in known.keys() {
            let (word, bit) = bit_of(*addr);
            if let Some(word) = met.get_mut(word) {
                *word |= bit;
            }
        }
        Self { known, met }
    }

    #[inline]
    fn get(&self, addr: RelAddr) -> Option<&Arc<Object>> {
        let (word, bit) = bit_of(addr);
        let met = self.met.get(word).is_some_and(|word| word & bit != 0);
        if met { self.known.get(&addr) } else { None }
    }
}

/// The bit of an address: which word, and which of its bits.
fn bit_of(addr: RelAddr) -> (usize, u64) {
    // The high bits of a product depend on all of the address.
    let hash = addr.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
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
            if let Some(known) = full.get(addr) {
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
        let all = self.full.get().into_iter().flat_map(|full| &full.known).chain(&open.known);
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
            let _ = self.full.set(Full::of(std::mem::take(&mut open.known)));
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
