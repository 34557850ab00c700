//! Computes Bob Jenkins' lookup3 (`hashlittle`, initial value 0), the checksum of HDF5 metadata
//! (HDF5 specification III.A, "Checksum"), and what a wrong one means.

use super::{Error, Result};

/// Whether checksums decide if metadata are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// Yes: a wrong one is damage. Only one that its writer [lost](Checked::Lost) is let pass.
    #[default]
    Trusted,
    /// No: metadata are taken as they are, and a wrong checksum is noted.
    Ignored,
}

/// What a checksum says of the bytes that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checked {
    /// It is theirs.
    Right,
    /// It is zero, and nothing else about the bytes is amiss: JLD2 lost it, as it does when several
    /// threads write (JLD2#144, #200, #583). JLD2 from 0.4.51 on does not compare checksums of
    /// object headers, so that nobody noticed.
    Lost,
    /// It is another, and was let pass since [`Checksums::Ignored`] said so.
    Wrong,
}

impl Checksums {
    /// Fails if a checksum at `at` is not that of the bytes that it is about, and that decides.
    pub(super) fn compare(self, at: u64, what: &str, computed: u32, stored: u32) -> Result<()> {
        if stored == computed || self == Self::Ignored {
            return Ok(());
        }
        Err(Error::checksum(at, what, computed, stored))
    }
}

/// The lookup3 hash of `bytes`.
pub fn lookup3(bytes: &[u8]) -> u32 {
    // The hash is defined on 32-bit arithmetic; the length wraps by definition.
    #[expect(clippy::cast_possible_truncation, reason = "lookup3 takes the length modulo 2^32")]
    let seed = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (seed, seed, seed);
    let mut rest = bytes;
    while rest.len() > 12 {
        let (block, tail) = rest.split_at(12);
        let [x, y, z] = words(block);
        a = a.wrapping_add(x);
        b = b.wrapping_add(y);
        c = c.wrapping_add(z);
        (a, b, c) = mix(a, b, c);
        rest = tail;
    }
    if rest.is_empty() {
        return c;
    }
    let [x, y, z] = words(rest);
    last(a.wrapping_add(x), b.wrapping_add(y), c.wrapping_add(z))
}

/// Up to twelve bytes as three little-endian words, zero-padded.
fn words(bytes: &[u8]) -> [u32; 3] {
    let mut padded = [0_u8; 12];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l] = padded;
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
        u32::from_le_bytes([i, j, k, l]),
    ]
}

fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    (a, b, c)
}

fn last(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::lookup3;

    #[test]
    fn matches_the_published_vectors() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn matches_a_superblock_written_by_jld2() {
        // docs/jld2-format.md, section 14: JLD2 0.6.5, EOF 5700, root 0x13c0.
        let mut block = vec![0x89, b'H', b'D', b'F', 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8, 0];
        block.extend(512_u64.to_le_bytes());
        block.extend(u64::MAX.to_le_bytes());
        block.extend(5700_u64.to_le_bytes());
        block.extend(0x13c0_u64.to_le_bytes());
        assert_eq!(lookup3(&block).to_le_bytes(), [0x5b, 0xd3, 0xd2, 0x43]);
    }
}
