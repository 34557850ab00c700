//! Makes copies inside a buffer, as LZ4 matches want them: quick, in short steps that may
//! overshoot.

use super::window::SLACK;

/// `N` bytes at `at`.
#[inline]
pub(super) fn load<const N: usize>(buf: &[u8], at: usize) -> Option<[u8; N]> {
    buf.get(at..)?.first_chunk::<N>().copied()
}

/// Puts `bytes` at `at`.
#[inline]
pub(super) fn store<const N: usize>(buf: &mut [u8], at: usize, bytes: [u8; N]) -> Option<()> {
    *buf.get_mut(at..)?.first_chunk_mut::<N>()? = bytes;
    Some(())
}

/// Moves `N` bytes from `from` to `to`. Nothing happens outside the buffer, where callers never are.
#[inline]
fn step<const N: usize>(buf: &mut [u8], from: usize, to: usize) {
    if let Some(bytes) = load::<N>(buf, from) {
        store(buf, to, bytes);
    }
}

/// For a period of 1 to 7 bytes: the factor that repeats it through a word, and the least multiple
/// of it that is a word or more.
const REPEAT: [(u64, usize); 8] = [
    (1, 8),
    (0x0101_0101_0101_0101, 8),
    (0x0001_0001_0001_0001, 8),
    (0x0001_0000_0100_0001, 9),
    (0x0000_0001_0000_0001, 8),
    (0x0000_0100_0000_0001, 10),
    (0x0001_0000_0000_0001, 12),
    (0x0100_0000_0000_0001, 14),
];

/// A word that repeats the `offset` < 8 bytes before `to`.
#[inline]
fn repeated(buf: &[u8], to: usize, offset: usize) -> u64 {
    let (factor, _) = REPEAT.get(offset).copied().unwrap_or((1, 8));
    let word = load::<8>(buf, to.wrapping_sub(offset)).map_or(0, u64::from_le_bytes);
    let period = word & (1_u64 << (offset * 8)).wrapping_sub(1);
    period.wrapping_mul(factor)
}

/// Writes a word at `to` that repeats the `offset` < 8 bytes before it; the distance at which
/// whole words can be copied from then on.
#[inline]
fn spread(buf: &mut [u8], to: usize, offset: usize) -> usize {
    let (_, distance) = REPEAT.get(offset).copied().unwrap_or((1, 8));
    store(buf, to, repeated(buf, to, offset).to_le_bytes());
    distance
}

/// Copies `length` <= 18 bytes from `offset` bytes before `to`, where the copy may run into
/// itself; what follows up to the 18th byte is then undefined. `offset` must be at least 1 and at
/// most `to`.
#[inline]
pub(super) fn copy_short_match(buf: &mut [u8], to: usize, offset: usize, length: usize) {
    let from = to.wrapping_sub(offset);
    if offset >= length {
        // All is read before any is written, so overlap beyond the length does no harm.
        step::<18>(buf, from, to);
    } else if offset >= 8 {
        step::<8>(buf, from, to);
        step::<8>(buf, from + 8, to + 8);
        step::<2>(buf, from + 16, to + 16);
    } else {
        let distance = spread(buf, to, offset);
        step::<8>(buf, to + 8 - distance, to + 8);
        step::<2>(buf, to + 16 - distance, to + 16);
    }
}

/// Copies of at most so many bytes are made in steps, without a call.
const STEPWISE: usize = 512;

/// Copies `length` bytes from `offset` bytes before `to`, where the copy may run into itself;
/// the next [`SLACK`] bytes are then undefined. `offset` must be at least 1 and at most `to`.
#[inline]
pub(super) fn copy_match(buf: &mut [u8], to: usize, offset: usize, length: usize) {
    let end = to.saturating_add(length);
    if end.saturating_add(SLACK) > buf.len() || offset == 0 || offset > to {
        debug_assert!(false, "callers keep inside the window");
        return;
    }
    let from = to - offset;
    if length <= STEPWISE && offset >= 16 {
        let mut done = 0;
        while done < length {
            step::<16>(buf, from + done, to + done);
            done += 16;
        }
    } else if length <= STEPWISE && matches!(offset, 1 | 2 | 4 | 8) {
        // Runs of one number: a word that repeats, which need not be read again.
        let word = if offset == 8 {
            load::<8>(buf, from).map_or(0, u64::from_le_bytes)
        } else {
            repeated(buf, to, offset)
        };
        let twice = (u128::from(word) << 64 | u128::from(word)).to_le_bytes();
        let mut at = to;
        while at < end {
            store(buf, at, twice);
            at += 16;
        }
    } else if length <= STEPWISE {
        let distance = if offset < 8 { spread(buf, to, offset) } else { offset };
        let mut at = if offset < 8 { to + 8 } else { to };
        while at < end {
            step::<8>(buf, at - distance, at);
            at += 8;
        }
    } else if offset >= length {
        buf.copy_within(from..from + length, to);
    } else {
        // The bytes from `from` on repeat with this period, so ever longer runs can be doubled.
        let mut at = to;
        if offset < 8 {
            spread(buf, to, offset);
            at = (to + 8 / offset * offset).min(end);
        }
        while at < end {
            let n = (at - from).min(end - at);
            buf.copy_within(from..from + n, at);
            at += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Byte by byte, as the format defines it.
    fn reference(buf: &mut [u8], to: usize, offset: usize, length: usize) {
        for i in 0..length {
            buf[to + i] = buf[to + i - offset];
        }
    }

    #[test]
    fn short_matches_of_every_offset() {
        for (offset, length) in (1..64).flat_map(|offset| (4..19).map(move |n| (offset, n))) {
            let mut buf: Vec<u8> = (0..200).collect();
            let mut plain = buf.clone();
            copy_short_match(&mut buf, 70, offset, length);
            reference(&mut plain, 70, offset, length);
            assert_eq!(buf[..70 + length], plain[..70 + length], "offset {offset}");
            assert_eq!(buf[88..], plain[88..], "offset {offset}");
        }
    }

    proptest! {
        #[test]
        fn matches_of_every_kind(
            to in 1_usize..2000, back in 0_usize..2000, small in 1_usize..40,
            prefer in any::<bool>(), length in 0_usize..2000,
        ) {
            let offset = if prefer { small.min(to) } else { back % to + 1 };
            let bytes = (0..=250_u8).cycle().step_by(31);
            let mut buf: Vec<u8> = bytes.take(to + length + SLACK).collect();
            let mut plain = buf.clone();
            copy_match(&mut buf, to, offset, length);
            reference(&mut plain, to, offset, length);
            prop_assert!(buf[..to + length] == plain[..to + length]);
        }
    }
}
