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
    let mut hash = Lookup3::of_len(bytes.len() as u64);
    // What is kept for the next piece need not be copied.
    let mut left = bytes;
    while let Some((block, rest)) = left.split_first_chunk::<BLOCK>()
        && !rest.is_empty()
    {
        hash.state = mixed(hash.state, block);
        left = rest;
    }
    match left.first_chunk::<BLOCK>() {
        Some(block) => ended(hash.state, block),
        None if left.is_empty() => hash.finish(),
        None => {
            let mut padded = [0; BLOCK];
            if let Some(to) = padded.get_mut(..left.len()) {
                to.copy_from_slice(left);
            }
            ended(hash.state, &padded)
        }
    }
}

/// The lookup3 hash of bytes that come in pieces. How many there will be has to be known before.
#[derive(Debug, Clone)]
pub struct Lookup3 {
    state: [u32; 3],
    /// The last bytes so far: those of the last block are mixed in otherwise.
    kept: [u8; BLOCK],
    len: usize,
}

/// Bytes that are mixed in at once.
const BLOCK: usize = 12;

impl Lookup3 {
    /// The hash of nothing yet, for `len` bytes in all.
    pub fn of_len(len: u64) -> Self {
        // The hash is defined on 32-bit arithmetic; the length wraps by definition.
        #[expect(clippy::cast_possible_truncation, reason = "lookup3 takes the length modulo 2^32")]
        let seed = 0xdead_beef_u32.wrapping_add(len as u32);
        Self { state: [seed; 3], kept: [0; BLOCK], len: 0 }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if self.len > 0 {
            let room = BLOCK - self.len;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.keep(now);
            bytes = later;
            if bytes.is_empty() {
                return;
            }
            self.state = mixed(self.state, &self.kept);
            self.len = 0;
        }
        let mut state = self.state;
        while let Some((block, rest)) = bytes.split_first_chunk::<BLOCK>()
            && !rest.is_empty()
        {
            state = mixed(state, block);
            bytes = rest;
        }
        self.state = state;
        self.keep(bytes);
    }

    /// The hash.
    pub fn finish(self) -> u32 {
        if self.len == 0 {
            let [_, _, c] = self.state;
            return c;
        }
        let mut padded = [0; BLOCK];
        for (to, from) in padded.iter_mut().zip(self.kept.iter().take(self.len)) {
            *to = *from;
        }
        ended(self.state, &padded)
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (to, from) in self.kept.iter_mut().skip(self.len).zip(bytes) {
            *to = *from;
        }
        self.len += bytes.len();
    }
}

/// The hash, with the last block.
fn ended([a, b, c]: [u32; 3], block: &[u8; BLOCK]) -> u32 {
    let [x, y, z] = words(block);
    last(a.wrapping_add(x), b.wrapping_add(y), c.wrapping_add(z))
}

/// The state after one more block.
#[inline]
fn mixed([a, b, c]: [u32; 3], block: &[u8; BLOCK]) -> [u32; 3] {
    let [x, y, z] = words(block);
    let (a, b, c) = mix(a.wrapping_add(x), b.wrapping_add(y), c.wrapping_add(z));
    [a, b, c]
}

/// Twelve bytes as three little-endian words.
#[inline]
fn words(bytes: &[u8; BLOCK]) -> [u32; 3] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
        u32::from_le_bytes([i, j, k, l]),
    ]
}

#[inline]
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
    use super::{Lookup3, lookup3};

    #[test]
    fn pieces_give_the_hash_of_the_whole() {
        let bytes: Vec<u8> = (0..100_u8).collect();
        for len in 0..60 {
            let bytes = &bytes[..len];
            for first in 0..=len {
                for second in first..=len {
                    let mut hash = Lookup3::of_len(len as u64);
                    hash.update(&bytes[..first]);
                    hash.update(&bytes[first..second]);
                    hash.update(&bytes[second..]);
                    assert_eq!(hash.finish(), lookup3(bytes), "{len}: {first}, {second}");
                }
            }
        }
    }

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
