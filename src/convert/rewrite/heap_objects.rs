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
    /// The numbers of those that empty strings get: of no bytes, where the string is met. Behind all
    /// others, they would move when the output is rewritten once more.
    empty_strings: AddressLog,
}

/// In the list of plans: an empty string, which has none.
const NO_PLAN: u64 = u64::MAX;

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
        met.map(|((offset, len), plan)| {
            let plan = (plan != NO_PLAN).then(|| usize::try_from(plan).ok()).flatten();
            Stored { offset, len, plan }
        })
    }

    /// The number of the one whose data stand at `offset`.
    pub(super) fn number(&self, offset: u64) -> Option<u64> {
        self.numbers.get(offset)
    }

    /// The numbers of those that stand for empty strings, in the order met.
    pub(super) fn empty_strings(&self) -> impl Iterator<Item = u64> + '_ {
        self.empty_strings.iter()
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

    /// Puts one for an empty string behind the others.
    pub(super) fn empty_string(&mut self) {
        self.empty_strings.push(self.offsets.len());
        self.offsets.push(0);
        self.lens.push(0);
        self.plans.push(NO_PLAN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Each is listed where it was met first; an empty string's, where the string is met.
        #[test]
        fn they_are_numbered_as_they_are_met(
            met in proptest::collection::vec((0..50_u64, 0..3_usize), 0..100),
        ) {
            let mut ours = HeapObjects::default();
            let mut theirs: Vec<Stored> = Vec::new();
            let mut empty = Vec::new();
            for (place, plan) in met {
                if place < 5 {
                    ours.empty_string();
                    empty.push(theirs.len() as u64);
                    theirs.push(Stored::default());
                    continue;
                }
                let (offset, len) = (24 * place, place % 9);
                ours.meet(offset, len, || plan);
                if theirs.iter().all(|s| s.offset != offset) {
                    theirs.push(Stored { offset, len, plan: Some(plan) });
                }
            }
            for (number, stored) in (0..).zip(&theirs).filter(|(_, s)| s.plan.is_some()) {
                prop_assert_eq!(ours.number(stored.offset), Some(number));
            }
            prop_assert_eq!(ours.number(7), None);
            prop_assert!(ours.empty_strings().eq(empty));
            prop_assert!(ours.iter().eq(theirs));
        }
    }
}
