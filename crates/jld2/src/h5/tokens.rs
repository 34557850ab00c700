//! Tokens that stand for numbers at equal distances, and where lists keep them: numbers that are
//! small take one byte or two.

use std::collections::VecDeque;

/// Bytes are kept in pieces of this size, so that no list is ever moved as a whole, and what is gone
/// gives its memory back.
const PIECE: usize = 32 << 10;
/// The first piece is smaller: most lists are short.
const FIRST: usize = 64;
/// Bytes of the longest token: two numbers of 64 bits, one of them with a mark.
const TOKEN: usize = 20;

/// Numbers at equal distances.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Stretch {
    /// From each to the next, and from what came before to the first; modulo 2^64.
    pub(super) distance: u64,
    pub(super) count: u64,
}

impl Stretch {
    /// The numbers of its token: the distance, with a mark if there is a count, and the count.
    pub(super) fn token(self) -> (u128, Option<u128>) {
        let counted = self.count > 1;
        let head = u128::from(zigzag(self.distance)) << 1 | u128::from(counted);
        (head, counted.then_some(self.count.into()))
    }

    /// The stretch whose token `next` gives, number by number.
    pub(super) fn of_token(mut next: impl FnMut() -> u128) -> Self {
        let head = next();
        let count = if head & 1 == 1 { next() } else { 1 };
        Self {
            distance: unzigzag(u64::try_from(head >> 1).unwrap_or(0)),
            count: u64::try_from(count).unwrap_or(0).max(1),
        }
    }
}

/// Pieces of tokens; none crosses from one piece into the next.
#[derive(Debug, Default, Clone)]
pub(super) struct Pieces(pub(super) VecDeque<Vec<u8>>);

impl Pieces {
    /// The last piece, with room for one more token.
    pub(super) fn with_room(&mut self) -> Option<&mut Vec<u8>> {
        let full = self.0.back().is_none_or(|p| p.len() + TOKEN > p.capacity());
        if full {
            let size = if self.0.is_empty() { FIRST } else { PIECE };
            self.0.push_back(Vec::with_capacity(size));
        }
        self.0.back_mut()
    }

    /// Bytes of memory that they take.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.0.iter().map(Vec::capacity).sum()
    }
}

/// Puts a number behind others: seven bits a byte, the lowest first; all but the last are marked.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// The number that was put at `at`, which moves behind it.
pub(crate) fn get(bytes: &[u8], at: &mut usize) -> u128 {
    let (mut value, mut shift) = (0, 0);
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        value |= u128::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 120 {
            break;
        }
    }
    value
}

/// Small numbers for those a little above or below zero.
pub(crate) fn zigzag(value: u64) -> u64 {
    (value << 1) ^ (value.cast_signed() >> 63).cast_unsigned()
}

/// The number that became such a one.
pub(crate) fn unzigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}
