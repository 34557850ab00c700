//! A stack of numbers, in few bytes each: what a walk still has to go to.
//!
//! As in an [`AddressLog`](super::AddressLog), a number takes one or two bytes where it is near the
//! one below it, and a stretch of equal distances a few bytes in all.

/// Bytes are kept in pieces of this size: what is gone gives its memory back.
const PIECE: usize = 32 << 10;
/// The first piece is smaller: most stacks are low.
const FIRST: usize = 64;
/// Bytes of the longest token: two numbers of 64 bits, one of them with a mark.
const TOKEN: usize = 20;

/// A stack of numbers.
#[derive(Debug, Default, Clone)]
pub struct AddressStack {
    /// Tokens, which are read from their ends; none crosses from one piece into the next.
    pieces: Vec<Vec<u8>>,
    /// The number on top.
    top: u64,
    /// From each of the topmost `count` numbers to the one above it, modulo 2^64.
    distance: u64,
    count: u64,
    len: u64,
}

impl AddressStack {
    /// Puts `value` on top.
    pub fn push(&mut self, value: u64) {
        let distance = value.wrapping_sub(self.top);
        if self.count > 0 && self.distance != distance {
            self.close();
        }
        self.distance = distance;
        self.count += 1;
        self.top = value;
        self.len += 1;
    }

    /// Takes the number on top away.
    pub fn pop(&mut self) -> Option<u64> {
        if self.count == 0 {
            self.open()?;
        }
        let value = self.top;
        self.count -= 1;
        self.top = value.wrapping_sub(self.distance);
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
        let full = self.pieces.last().is_none_or(|p| p.len() + TOKEN > p.capacity());
        if full {
            let size = if self.pieces.is_empty() { FIRST } else { PIECE };
            self.pieces.push(Vec::with_capacity(size));
        }
        let Some(piece) = self.pieces.last_mut() else { return };
        let zigzag = (self.distance << 1) ^ (self.distance.cast_signed() >> 63).cast_unsigned();
        if self.count > 1 {
            put(piece, self.count.into());
        }
        put(piece, u128::from(zigzag) << 1 | u128::from(self.count > 1));
        self.count = 0;
    }

    /// Reads the topmost token.
    fn open(&mut self) -> Option<()> {
        while self.pieces.last().is_some_and(Vec::is_empty) {
            self.pieces.pop();
        }
        let piece = self.pieces.last_mut()?;
        let head = get(piece);
        self.count = if head & 1 == 1 { u64::try_from(get(piece)).unwrap_or(0).max(1) } else { 1 };
        let zigzag = u64::try_from(head >> 1).unwrap_or(0);
        self.distance = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
        Some(())
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
        let bytes =
            |stack: &AddressStack| -> usize { stack.pieces.iter().map(Vec::capacity).sum() };
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
