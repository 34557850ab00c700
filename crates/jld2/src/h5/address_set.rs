//! A set of addresses that takes about two bytes for each: those of objects stand close together, and
//! not evenly.

use super::address_blocks::{Blocks, EvenPlaces};

/// Addresses are kept in blocks of 2^16.
const BITS: u32 = 16;
/// With more places than these, a bit for each place takes less.
const MANY: usize = 4096;

/// A set of addresses, or of other numbers of which many are close together.
#[derive(Debug, Default)]
pub struct AddressSet {
    blocks: Blocks<Places, BITS>,
    len: u64,
}

/// Which places of a block are taken.
#[derive(Debug)]
enum Places {
    /// At equal distances.
    Even(EvenPlaces),
    /// Any, sorted.
    Sorted(Vec<u16>),
    /// Very many: a bit for each.
    Bits(Box<[u64]>),
}

impl AddressSet {
    /// Puts `address` in; says whether it is new.
    pub fn insert(&mut self, address: u64) -> bool {
        let none = || Places::Even(EvenPlaces::default());
        let block = self.blocks.get_or_insert(address, none);
        let new = block.is_some_and(|(block, place)| block.insert(place));
        self.len += u64::from(new);
        new
    }

    /// Whether `address` is in.
    pub fn contains(&self, address: u64) -> bool {
        self.blocks.get(address).is_some_and(|(block, place)| block.contains(place))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Places {
    fn contains(&self, place: u16) -> bool {
        match self {
            Self::Even(even) => even.position(place).is_some(),
            Self::Sorted(places) => places.binary_search(&place).is_ok(),
            Self::Bits(bits) => {
                let (word, bit) = bit_of(place);
                bits.get(word).is_some_and(|w| w & bit != 0)
            }
        }
    }

    fn insert(&mut self, place: u16) -> bool {
        match self {
            Self::Even(even) => {
                if even.position(place).is_some() {
                    return false;
                }
                if let Some(more) = even.with(place) {
                    *even = more;
                } else {
                    let count = even.count() as usize;
                    let mut places = Vec::with_capacity(count + 1 + count / 4);
                    places.extend(even.iter());
                    insert_sorted(&mut places, place);
                    *self = Self::Sorted(places);
                }
                true
            }
            Self::Sorted(places) => {
                let new = insert_sorted(places, place);
                if places.len() > MANY {
                    let mut bits = vec![0; 1 << (BITS - 6)].into_boxed_slice();
                    for place in places {
                        set(&mut bits, *place);
                    }
                    *self = Self::Bits(bits);
                }
                new
            }
            Self::Bits(bits) => set(bits, place),
        }
    }
}

/// Puts a place where it belongs; says whether it is new. Grows by a quarter, not to the double.
fn insert_sorted(places: &mut Vec<u16>, place: u16) -> bool {
    let at = match places.last() {
        Some(last) if *last < place => places.len(),
        _ => match places.binary_search(&place) {
            Ok(_) => return false,
            Err(at) => at,
        },
    };
    if places.len() == places.capacity() {
        places.reserve_exact(places.len() / 4 + 4);
    }
    places.insert(at, place);
    true
}

fn bit_of(place: u16) -> (usize, u64) {
    (usize::from(place >> 6), 1 << (place & 63))
}

fn set(bits: &mut [u64], place: u16) -> bool {
    let (word, bit) = bit_of(place);
    let Some(word) = bits.get_mut(word) else { return false };
    let new = *word & bit == 0;
    *word |= bit;
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Addresses as a file has them, up or down, and any others.
    fn addresses() -> impl Strategy<Value = Vec<u64>> {
        let stretch = (
            prop_oneof![0..300_000_u64, (u64::MAX - 1000)..=u64::MAX, any::<u64>()],
            prop_oneof![Just(1_u64), 1..100_u64, Just(85), any::<u64>()],
            1..300_u64,
            any::<bool>(),
        );
        let stretch = stretch.prop_map(|(first, by, n, down)| {
            let at =
                move |i: u64| first.wrapping_add(if down { n - i } else { i }.wrapping_mul(by));
            (0..n).map(at)
        });
        proptest::collection::vec(stretch, 0..30)
            .prop_map(|all| all.into_iter().flatten().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_set(numbers in addresses(), others in addresses()) {
            let (mut ours, mut theirs) = (AddressSet::default(), HashSet::new());
            for n in &numbers {
                prop_assert_eq!(ours.insert(*n), theirs.insert(*n));
            }
            prop_assert_eq!(ours.len(), theirs.len() as u64);
            for n in numbers.iter().chain(&others) {
                let near = [*n, n.wrapping_add(1), n.wrapping_sub(1), n.wrapping_add(85)];
                for n in near {
                    prop_assert_eq!(ours.contains(n), theirs.contains(&n));
                }
            }
        }
    }

    #[test]
    fn a_block_can_be_full() {
        let mut set = AddressSet::default();
        // In an order without equal distances.
        let all = || (0..=u16::MAX).map(|i| u64::from(i.wrapping_mul(40_503)));
        assert!(all().all(|n| set.insert(n)));
        assert!(all().all(|n| set.contains(n) && !set.insert(n)));
        assert!(!set.contains(1 << 16));
        assert_eq!(set.len(), 1 << 16);
    }

    #[test]
    fn an_address_takes_two_bytes_or_none() {
        let bytes = |set: &AddressSet| -> usize {
            let of = |p: &Places| if let Places::Sorted(p) = p { 2 * p.capacity() } else { 0 };
            set.blocks.iter().map(of).sum()
        };
        let (mut even, mut uneven) = (AddressSet::default(), AddressSet::default());
        for i in 0..100_000_u64 {
            even.insert(2048 + 85 * i);
            uneven.insert(2048 + 85 * i + i * i % 13);
        }
        assert_eq!(bytes(&even), 0);
        assert!(bytes(&uneven) < 270_000, "{}", bytes(&uneven));
    }
}
