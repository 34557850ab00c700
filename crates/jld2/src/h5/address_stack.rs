//! A stack of numbers, in few bytes each: what a walk still has to go to.
//!
//! As in an [`AddressLog`](super::AddressLog), a number takes one or two bytes where it is near the
//! one below it, and a stretch of equal distances a few bytes in all.

use super::tokens::{Pieces, Stretch};

/// A stack of numbers.
#[derive(Debug, Default, Clone)]
pub struct AddressStack {
    /// Tokens, which are read from their ends.
    pieces: Pieces,
    /// The number on top.
    top: u64,
    /// The topmost numbers, which are not among the tokens.
    open: Stretch,
    len: u64,
}

impl AddressStack {
    /// Puts `value` on top.
    pub fn push(&mut self, value: u64) {
        let distance = value.wrapping_sub(self.top);
        if self.open.count > 0 && self.open.distance != distance {
            self.close();
        }
        self.open = Stretch { distance, count: self.open.count + 1 };
        self.top = value;
        self.len += 1;
    }

    /// Takes the number on top away.
    pub fn pop(&mut self) -> Option<u64> {
        if self.open.count == 0 {
            self.open = self.last()?;
        }
        let value = self.top;
        self.open.count -= 1;
        self.top = value.wrapping_sub(self.open.distance);
        self.len -= 1;
        Some(value)
    }

    /// How many numbers there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes a token of the topmost stretch.
    fn close(&mut self) {
        let (head, count) = std::mem::take(&mut self.open).token();
        let Some(piece) = self.pieces.with_room() else { return };
        if let Some(count) = count {
            put(piece, count);
        }
        put(piece, head);
    }

    /// Takes the topmost token away.
    fn last(&mut self) -> Option<Stretch> {
        while self.pieces.0.back().is_some_and(Vec::is_empty) {
            self.pieces.0.pop_back();
        }
        let piece = self.pieces.0.back_mut()?;
        Some(Stretch::of_token(|| get(piece)))
    }
}

/// Seven bits a byte, the highest first; all but the first byte are marked.
fn put(out: &mut Vec<u8>, value: u128) {
    let bytes = (128 - value.leading_zeros()).div_ceil(7).max(1);
    for i in (0..bytes).rev() {
        let byte = u8::try_from(value >> (7 * i) & 0x7f).unwrap_or(0);
        out.push(if i + 1 == bytes { byte } else { byte | 0x80 });
    }
}

/// Takes the last number away.
fn get(bytes: &mut Vec<u8>) -> u128 {
    let (mut value, mut shift) = (0, 0);
    while let Some(byte) = bytes.pop() {
        value |= u128::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 120 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is put on a stack, or how many are taken off.
    fn steps() -> impl Strategy<Value = Vec<(Vec<u64>, usize)>> {
        let stretch = (any::<u64>(), prop_oneof![0..200_u64, any::<u64>()], 0..60_u64).prop_map(
            |(first, by, n)| (0..n).map(|i| first.wrapping_add(i.wrapping_mul(by))).collect(),
        );
        proptest::collection::vec((stretch, 0..70_usize), 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_stack(steps in steps()) {
            let (mut ours, mut theirs) = (AddressStack::default(), Vec::new());
            for (put, taken) in steps {
                for n in put {
                    ours.push(n);
                    theirs.push(n);
                }
                for _ in 0..taken {
                    prop_assert_eq!(ours.pop(), theirs.pop());
                }
                prop_assert_eq!(ours.len(), theirs.len() as u64);
            }
            while let Some(n) = theirs.pop() {
                prop_assert_eq!(ours.pop(), Some(n));
            }
            prop_assert_eq!(ours.pop(), None);
        }
    }

    #[test]
    fn a_number_takes_two_bytes_or_none_and_gives_them_back() {
        let bytes = |stack: &AddressStack| stack.pieces.capacity();
        let (mut even, mut near) = (AddressStack::default(), AddressStack::default());
        for i in (0..100_000_u64).rev() {
            even.push(2048 + 85 * i);
            near.push(2048 + 85 * i + i * i % 13);
        }
        assert!(bytes(&even) < 100);
        assert!(bytes(&near) < 250_000, "{}", bytes(&near));
        while near.pop().is_some() {}
        assert_eq!(bytes(&near), 0);
    }
}
