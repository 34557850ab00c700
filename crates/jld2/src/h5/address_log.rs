//! A list of numbers in the order in which they came, in few bytes each.
//!
//! What comes is mostly near what came before, often at equal distances: addresses of objects in the
//! order of a walk, sizes. A number takes one or two bytes, a stretch of equal distances a few bytes
//! in all; at worst a number takes ten.

use super::tokens::{Pieces, Stretch, get, put};

/// A list of numbers.
#[derive(Debug, Default, Clone)]
pub struct AddressLog {
    pieces: Pieces,
    /// What came last.
    last: u64,
    /// The stretch that is not among the tokens yet.
    open: Stretch,
    len: u64,
    /// Where [`Self::pop`] stands.
    taken: Place,
}

/// A place in a list.
#[derive(Debug, Default, Clone, Copy)]
struct Place {
    piece: usize,
    at: usize,
    /// The number in front of it.
    value: u64,
    /// What is left of the stretch there.
    left: Stretch,
    /// Whether the open stretch was entered.
    open: bool,
}

impl AddressLog {
    /// Puts `value` behind all others.
    pub fn push(&mut self, value: u64) {
        let distance = value.wrapping_sub(self.last);
        if self.open.count > 0 && self.open.distance != distance {
            self.close();
        }
        self.open = Stretch { distance, count: self.open.count + 1 };
        self.last = value;
        self.len += 1;
    }

    /// How many numbers there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All numbers, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { log: self, place: self.taken, left: self.len }
    }

    /// Takes the first number away, and gives back the memory of those that are gone. After that,
    /// nothing may be put behind the others until all are gone.
    pub fn pop(&mut self) -> Option<u64> {
        let mut place = self.taken;
        let Some(value) = self.next(&mut place) else {
            *self = Self::default();
            return None;
        };
        while place.piece > 0 {
            self.pieces.0.pop_front();
            place.piece -= 1;
        }
        self.taken = place;
        self.len -= 1;
        Some(value)
    }

    /// Makes a token of the open stretch.
    fn close(&mut self) {
        let (head, count) = std::mem::take(&mut self.open).token();
        let Some(piece) = self.pieces.with_room() else { return };
        put(piece, head);
        if let Some(count) = count {
            put(piece, count);
        }
    }

    fn next(&self, place: &mut Place) -> Option<u64> {
        if place.left.count == 0 {
            place.left = self.stretch(place)?;
        }
        place.left.count -= 1;
        place.value = place.value.wrapping_add(place.left.distance);
        Some(place.value)
    }

    /// The stretch that begins at a place.
    fn stretch(&self, place: &mut Place) -> Option<Stretch> {
        while let Some(piece) = self.pieces.0.get(place.piece) {
            if place.at >= piece.len() {
                (place.piece, place.at) = (place.piece + 1, 0);
                continue;
            }
            return Some(Stretch::of_token(|| get(piece, &mut place.at)));
        }
        let enter = !place.open && self.open.count > 0;
        place.open = true;
        enter.then_some(self.open)
    }
}

impl<'a> IntoIterator for &'a AddressLog {
    type Item = u64;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// See [`AddressLog::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    log: &'a AddressLog,
    place: Place,
    left: u64,
}

impl Iterator for Iter<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let value = self.log.next(&mut self.place)?;
        self.left = self.left.saturating_sub(1);
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Stretches at equal distances, with anything in between.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let stretch = (any::<u64>(), prop_oneof![0..200_u64, any::<u64>()], 1..40_u64)
            .prop_map(|(first, by, n)| (0..n).map(move |i| first.wrapping_add(i.wrapping_mul(by))));
        proptest::collection::vec(stretch, 0..40)
            .prop_map(|all| all.into_iter().flatten().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_went_in_comes_out_in_order(numbers in numbers(), seen in 0..100_usize) {
            let mut log = AddressLog::default();
            for (i, n) in numbers.iter().enumerate() {
                log.push(*n);
                if i == seen {
                    prop_assert!(log.iter().eq(numbers[..=i].iter().copied()));
                }
            }
            prop_assert_eq!(log.len(), numbers.len() as u64);
            prop_assert!(log.iter().eq(numbers.iter().copied()));
            for (i, n) in numbers.iter().enumerate() {
                prop_assert!(log.iter().eq(numbers[i..].iter().copied()) || i % 7 != 0);
                prop_assert_eq!(log.pop(), Some(*n));
            }
            prop_assert_eq!(log.pop(), None);
            log.push(5);
            prop_assert_eq!((log.pop(), log.pop()), (Some(5), None));
        }
    }

    #[test]
    fn equal_distances_take_no_memory_and_others_little() {
        let bytes = |log: &AddressLog| log.pieces.capacity();
        let (mut even, mut near) = (AddressLog::default(), AddressLog::default());
        for i in 0..100_000_u64 {
            even.push(2048 + 85 * i);
            near.push(2048 + 85 * i + i * i % 13);
        }
        assert!(bytes(&even) < 100);
        assert!(bytes(&near) < 250_000, "{}", bytes(&near));
        while near.pop().is_some() {}
        assert_eq!(bytes(&near), 0);
    }
}
