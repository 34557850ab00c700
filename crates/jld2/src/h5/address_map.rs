//! A map from addresses to numbers that takes about five bytes for each: addresses of objects stand
//! close together, and what is kept for them mostly, too.

use super::address_blocks::{Blocks, EvenPlaces};
use super::tokens::{unzigzag, zigzag};

/// Addresses are kept in blocks of 2^14: putting one between others moves few bytes.
const BITS: u32 = 14;
/// Bytes of a place in a block.
const KEY: usize = 2;

/// A map from addresses, or other numbers of which many are close together, to numbers.
#[derive(Debug, Default)]
pub struct AddressMap {
    blocks: Blocks<Block, BITS>,
    len: u64,
}

/// The entries of a block. Values are kept as what they are more, or less, than the first.
#[derive(Debug)]
struct Block {
    base: u64,
    entries: Entries,
}

#[derive(Debug)]
enum Entries {
    /// Places and values at equal distances; those of values are modulo 2^64.
    Even { places: EvenPlaces, step: u64 },
    /// Any, sorted: two bytes of the place, and `width` of the value.
    Sorted { width: usize, bytes: Vec<u8> },
}

impl AddressMap {
    /// The value of `address`, if it has one; gives it `value` otherwise.
    pub fn get_or_insert(&mut self, address: u64, value: u64) -> Option<u64> {
        let (block, place) = self.blocks.get_or_insert(address, || Block {
            base: value,
            entries: Entries::Even { places: EvenPlaces::default(), step: 0 },
        })?;
        let known = block.get_or_insert(place, value);
        self.len += u64::from(known.is_none());
        known
    }

    /// The value of `address`.
    pub fn get(&self, address: u64) -> Option<u64> {
        let (block, place) = self.blocks.get(address)?;
        block.get(place)
    }

    /// How many addresses have a value.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Block {
    fn get(&self, place: u16) -> Option<u64> {
        match &self.entries {
            Entries::Even { places, step } => {
                let i = places.position(place)?;
                Some(self.base.wrapping_add(step.wrapping_mul(i.into())))
            }
            Entries::Sorted { width, bytes } => {
                let at = search(bytes, KEY + width, place).ok()?;
                Some(self.value_at(bytes, at, *width))
            }
        }
    }

    fn value_at(&self, bytes: &[u8], at: usize, width: usize) -> u64 {
        let mut value = [0; 8];
        let stored = bytes.get(at + KEY..at + KEY + width).unwrap_or_default();
        if let Some(to) = value.get_mut(..stored.len()) {
            to.copy_from_slice(stored);
        }
        self.base.wrapping_add(unzigzag(u64::from_le_bytes(value)))
    }

    fn get_or_insert(&mut self, place: u16, value: u64) -> Option<u64> {
        if let Some(known) = self.get(place) {
            return Some(known);
        }
        if let Entries::Even { places, step } = &mut self.entries {
            let by = value.wrapping_sub(self.base);
            let more = places.with(place);
            if more.is_some() && places.count() == 1 {
                *step = by;
            }
            match more.filter(|_| by == step.wrapping_mul(places.count().into())) {
                Some(more) => {
                    *places = more;
                    return None;
                }
                None => self.entries = sorted(*places, *step),
            }
        }
        let zigzag = zigzag(value.wrapping_sub(self.base));
        let Entries::Sorted { width, bytes } = &mut self.entries else { return None };
        let needed = width_of(zigzag);
        if needed > *width {
            *bytes = widened(bytes, *width, needed);
            *width = needed;
        }
        let size = KEY + *width;
        let Err(at) = search(bytes, size, place) else { return None };
        if bytes.len() + size > bytes.capacity() {
            bytes.reserve_exact(size * (bytes.len() / size / 4 + 4));
        }
        let mut entry = [0; KEY + 8];
        put(&mut entry, place, zigzag);
        let end = bytes.len();
        bytes.extend_from_slice(entry.get(..size).unwrap_or(&entry));
        if at < end
            && let Some(moved) = bytes.get_mut(at..)
        {
            moved.rotate_right(size);
        }
        None
    }
}

/// Entries at equal distances, one by one.
fn sorted(places: EvenPlaces, step: u64) -> Entries {
    let count = places.count();
    let value = |i: u32| zigzag(step.wrapping_mul(i.into()));
    let width = (0..count).map(|i| width_of(value(i))).max().unwrap_or(1);
    let size = KEY + width;
    let mut bytes = Vec::with_capacity(size * (count as usize + count as usize / 4 + 4));
    for (i, place) in (0..).zip(places.iter()) {
        let mut entry = [0; KEY + 8];
        put(&mut entry, place, value(i));
        bytes.extend_from_slice(entry.get(..size).unwrap_or(&entry));
    }
    Entries::Sorted { width, bytes }
}

/// The same entries with values of `new` bytes in place of `old`.
fn widened(bytes: &[u8], old: usize, new: usize) -> Vec<u8> {
    let count = bytes.len() / (KEY + old);
    let mut out = Vec::with_capacity((KEY + new) * (count + count / 4 + 4));
    for entry in bytes.chunks(KEY + old) {
        out.extend_from_slice(entry);
        out.resize(out.len() + new - old, 0);
    }
    out
}

fn put(entry: &mut [u8; KEY + 8], place: u16, value: u64) {
    let (key, rest) = entry.split_at_mut(KEY);
    key.copy_from_slice(&place.to_le_bytes());
    rest.copy_from_slice(&value.to_le_bytes());
}

/// Where the entry of `place` is, or belongs, among entries of `size` bytes.
fn search(bytes: &[u8], size: usize, place: u16) -> Result<usize, usize> {
    let key = |i: usize| {
        let key = bytes.get(i * size..).and_then(|b| b.first_chunk::<KEY>());
        key.map_or(u16::MAX, |k| u16::from_le_bytes(*k))
    };
    let (mut low, mut high) = (0, bytes.len() / size);
    // What comes is mostly behind all others.
    if high > 0 && key(high - 1) < place {
        return Err(bytes.len());
    }
    while low < high {
        let middle = usize::midpoint(low, high);
        match key(middle).cmp(&place) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Ok(middle * size),
        }
    }
    Err(low * size)
}

/// Bytes that a number takes.
fn width_of(value: u64) -> usize {
    (8 - value.leading_zeros() as usize / 8).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::collections::hash_map::Entry;

    /// Entries as a rewrite has them, in any order, and any others.
    fn entries() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let number = || prop_oneof![0..100_000_u64, any::<u64>()];
        let by = || prop_oneof![Just(1_u64), 1..100_u64, Just(85), any::<u64>()];
        let stretch = ((number(), by()), (number(), by()), 1..300_u64, any::<bool>());
        let stretch = stretch.prop_map(|((key, by), (value, step), n, down)| {
            let at = move |i: u64| {
                let place = if down { n - i } else { i };
                (key.wrapping_add(place.wrapping_mul(by)), value.wrapping_add(i.wrapping_mul(step)))
            };
            (0..n).map(at)
        });
        proptest::collection::vec(stretch, 0..30)
            .prop_map(|all| all.into_iter().flatten().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_map(entries in entries(), others in entries()) {
            let (mut ours, mut theirs) = (AddressMap::default(), HashMap::new());
            for (key, value) in entries.iter().copied() {
                let known = match theirs.entry(key) {
                    Entry::Occupied(known) => Some(*known.get()),
                    Entry::Vacant(place) => {
                        place.insert(value);
                        None
                    }
                };
                prop_assert_eq!(ours.get_or_insert(key, value), known);
            }
            prop_assert_eq!(ours.len(), theirs.len() as u64);
            for (key, _) in entries.iter().chain(&others) {
                for key in [*key, key.wrapping_add(1), key.wrapping_sub(85)] {
                    prop_assert_eq!(ours.get(key), theirs.get(&key).copied());
                }
            }
        }
    }

    #[test]
    fn an_entry_takes_few_bytes_or_none() {
        let bytes = |map: &AddressMap| -> usize {
            let of = |b: &Block| match &b.entries {
                Entries::Even { .. } => 0,
                Entries::Sorted { bytes, .. } => bytes.capacity(),
            };
            map.blocks.iter().map(of).sum()
        };
        let (mut even, mut uneven) = (AddressMap::default(), AddressMap::default());
        for i in 0..100_000_u64 {
            even.get_or_insert(2048 + 85 * i, 512 + 85 * i);
            uneven.get_or_insert(2048 + 85 * i + i * i % 13, 512 + 85 * i + i * i % 11);
        }
        assert!(bytes(&even) < 10_000, "{}", bytes(&even));
        assert!(bytes(&uneven) < 560_000, "{}", bytes(&uneven));
        assert_eq!(uneven.get(2048 + 85 * 77_777 + 77_777 * 77_777 % 13), {
            let i = 77_777_u64;
            Some(512 + 85 * i + i * i % 11)
        });
    }
}
