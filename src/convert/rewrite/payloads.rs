//! Keeps where data outside headers went.

use crate::h5::{AddressLog, AddressMap, FilterEntry, RelAddr};
use std::collections::HashMap;

/// Where the data of a dataset outside its header went.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    /// Written as it is at this offset.
    Contiguous { offset: u64, size: u64 },
    /// Written through filters at this offset.
    Chunk { offset: u64, size: u64, mask: u32, filters: Vec<FilterEntry> },
    /// Written through filters in chunks with an index, to which this layout leads.
    Tree { layout: Vec<u8>, filters: Vec<FilterEntry> },
}

/// Where all data outside headers went, by the address of the dataset.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// Offset of data that were written as they are.
    plain: AddressMap,
    /// Their sizes in bytes.
    plain_sizes: AddressMap,
    encoded: HashMap<RelAddr, Payload>,
    /// Datasets whose data hold addresses, in the order met: they are written when those are known.
    behind: AddressLog,
    /// Bytes of the data of each.
    behind_sizes: AddressLog,
}

impl Payloads {
    /// Takes note of where the data of the dataset at `addr` went.
    pub(super) fn put(&mut self, addr: RelAddr, payload: Payload) {
        match payload {
            Payload::Contiguous { offset, size } => {
                self.plain.get_or_insert(addr.0, offset);
                self.plain_sizes.get_or_insert(addr.0, size);
            }
            encoded => {
                self.encoded.insert(addr, encoded);
            }
        }
    }

    /// Takes note of a dataset with `size` bytes of data that hold addresses.
    pub(super) fn put_behind(&mut self, addr: RelAddr, size: u64) {
        self.behind.push(addr.0);
        self.behind_sizes.push(size);
    }

    /// Where the data of the dataset at `addr` went, if they hold no addresses.
    pub(super) fn get(&self, addr: RelAddr) -> Option<Payload> {
        match (self.plain.get(addr.0), self.plain_sizes.get(addr.0)) {
            (Some(offset), Some(size)) => Some(Payload::Contiguous { offset, size }),
            _ => self.encoded.get(&addr).cloned(),
        }
    }

    /// Datasets whose data hold addresses: address and bytes, and the offset that each has where the
    /// first begins at `at`. They stand at multiples of eight.
    pub(super) fn placed_behind(&self, at: u64) -> impl Iterator<Item = Behind> + '_ {
        let mut end = at;
        self.behind.iter().zip(&self.behind_sizes).map(move |(addr, size)| {
            let offset = end.next_multiple_of(8);
            end = offset.saturating_add(size);
            Behind { addr: RelAddr(addr), offset, size }
        })
    }
}

/// A dataset whose data hold addresses, and where in the output they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) addr: RelAddr,
    pub(super) offset: u64,
    pub(super) size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_and_what_waits_stands_at_multiples_of_eight() {
        let mut payloads = Payloads::default();
        let addr = |i: u64| RelAddr(100 * i);
        for i in 0..10 {
            payloads.put(addr(i), Payload::Contiguous { offset: 8 * i, size: i * i });
        }
        payloads.put(addr(10), Payload::Tree { layout: vec![1], filters: Vec::new() });
        for (i, size) in [(20, 3), (15, 8), (30, 0), (31, 1)] {
            payloads.put_behind(addr(i), size);
        }
        for i in 0..10 {
            let found = payloads.get(addr(i));
            let Some(Payload::Contiguous { offset, size }) = found else { panic!("{found:?}") };
            assert_eq!((offset, size), (8 * i, i * i));
        }
        assert!(matches!(payloads.get(addr(10)), Some(Payload::Tree { .. })));
        assert!(payloads.get(addr(20)).is_none());
        let placed: Vec<_> =
            payloads.placed_behind(5).map(|b| (b.addr, b.offset, b.size)).collect();
        let expected = [(20, 8, 3), (15, 16, 8), (30, 24, 0), (31, 24, 1)];
        assert_eq!(placed, expected.map(|(i, offset, size)| (addr(i), offset, size)));
    }
}
