//! Lists the heap objects that are alive, in the order in which they are written.

use crate::h5::{AddressLog, AddressMap, RelAddr};

/// Where a heap object of the output is: its collection, and its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeapPlace {
    pub(super) heap: RelAddr,
    pub(super) index: u32,
}

impl HeapPlace {
    /// Nowhere.
    pub(super) const NONE: Self = Self { heap: RelAddr::NULL, index: 0 };
}

/// Heap objects, numbered in the order met.
#[derive(Debug, Default)]
pub(super) struct HeapObjects {
    /// Where their data stand.
    offsets: AddressLog,
    /// Bytes of the data.
    lens: AddressLog,
    /// Which of the inventory's plans is theirs.
    plans: AddressLog,
    /// Their numbers by the offsets of their data.
    numbers: AddressMap,
    /// How many empty strings there are. Each gets a heap object of no bytes, behind all others.
    empty_strings: u64,
}

/// One heap object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Which of the inventory's plans is its; none for that of an empty string.
    pub(super) plan: Option<usize>,
}

impl HeapObjects {
    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Stored> + '_ {
        let met = self.offsets.iter().zip(&self.lens).zip(&self.plans);
        let met = met.map(|((offset, len), plan)| {
            let plan = usize::try_from(plan).ok();
            Stored { offset, len, plan }
        });
        met.chain((0..self.empty_strings).map(|_| Stored::default()))
    }

    /// The number of the one whose data stand at `offset`.
    pub(super) fn number(&self, offset: u64) -> Option<u64> {
        self.numbers.get(offset)
    }

    /// The number of the first that stands for an empty string.
    pub(super) fn first_empty_string(&self) -> u64 {
        self.offsets.len()
    }

    /// Puts one behind the others, unless it was met before.
    pub(super) fn meet(&mut self, offset: u64, len: u64, plan: impl FnOnce() -> usize) {
        if self.numbers.get_or_insert(offset, self.offsets.len()).is_some() {
            return;
        }
        self.offsets.push(offset);
        self.lens.push(len);
        self.plans.push(plan() as u64);
    }

    /// Counts one more empty string.
    pub(super) fn empty_string(&mut self) {
        self.empty_strings += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Each is listed where it was met first; empty strings come last.
        #[test]
        fn they_are_numbered_as_they_are_met(
            met in proptest::collection::vec((0..50_u64, 0..3_usize), 0..100),
            empty in 0..5_u64,
        ) {
            let mut ours = HeapObjects::default();
            let mut theirs: Vec<Stored> = Vec::new();
            for (place, plan) in met {
                let (offset, len) = (24 * place, place % 9);
                ours.meet(offset, len, || plan);
                if theirs.iter().all(|s| s.offset != offset) {
                    theirs.push(Stored { offset, len, plan: Some(plan) });
                }
            }
            (0..empty).for_each(|_| ours.empty_string());
            for (number, stored) in (0..).zip(&theirs) {
                prop_assert_eq!(ours.number(stored.offset), Some(number));
            }
            prop_assert_eq!(ours.number(7), None);
            prop_assert_eq!(ours.first_empty_string(), theirs.len() as u64);
            theirs.extend((0..empty).map(|_| Stored::default()));
            prop_assert!(ours.iter().eq(theirs));
        }
    }
}
