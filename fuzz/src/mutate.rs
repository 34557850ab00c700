//! Mutations that know the format: references are turned elsewhere, sizes and counts are stretched.

use crate::repair::{find, messages, pieces, repair, superblock, walk};

/// Pseudo-random numbers (xorshift64*): the fuzzer hands over a seed for each mutation.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}

const BYTES: [u8; 12] = [0, 1, 2, 3, 4, 7, 8, 0x10, 0x7f, 0x80, 0xfe, 0xff];
const WORDS: [u64; 14] = [
    0,
    1,
    7,
    8,
    16,
    255,
    256,
    0xffff,
    0x1_0000,
    0xff_ffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    u64::MAX,
];

/// Mutates a container in place; `plain` is the fuzzer's own mutation.
pub fn container(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    plain: impl FnOnce(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut random = Random(u64::from(seed) << 20 | 0x9e37_79b9);
    random.next();
    let size = match random.below(8) {
        0..=3 => plain(data, size, max_size),
        4 => {
            reference(&mut data[..size], &mut random);
            size
        }
        5 => {
            reference(&mut data[..size], &mut random);
            message(&mut data[..size], &mut random);
            size
        }
        _ => {
            for _ in 0..=random.below(3) {
                message(&mut data[..size], &mut random);
            }
            size
        }
    };
    repair(&mut data[..size]);
    match random.below(16) {
        0 => checksum(&mut data[..size], &mut random, &[0; 4]),
        1 => checksum(&mut data[..size], &mut random, &[1, 2, 3, 4]),
        2 => heap(&mut data[..size], &mut random),
        3 if random.below(4) == 0 => {
            let front = size.min(560);
            data[..front].fill(0);
        }
        _ => {}
    }
    size
}

/// Takes the checksum of some header away: what its writer lost.
fn checksum(data: &mut [u8], random: &mut Random, by: &[u8; 4]) {
    let pieces = pieces(data);
    if !pieces.is_empty() {
        let end = pieces[random.below(pieces.len())].end;
        data[end - 4..end].copy_from_slice(by);
    }
}

/// Ends a heap where its objects do, as libhdf5 does, or near it.
fn heap(data: &mut [u8], random: &mut Random) {
    let Some(at) = random.pick(&find(data, b"GCOL")) else { return };
    let mut end = at + 16;
    while let Some(head) = data.get(end..end + 16) {
        let size = u64::from_le_bytes(head[8..].try_into().unwrap_or_default());
        let next = (end as u64 + 16).checked_add(size.saturating_add(7) / 8 * 8);
        match next.and_then(|next| usize::try_from(next).ok()) {
            Some(next) if head[..2] != [0, 0] && next <= data.len() => end = next,
            _ => break,
        }
    }
    let size = (end - at + 8 * random.below(4)) as u64;
    if let Some(place) = data.get_mut(at + 8..at + 16) {
        place.copy_from_slice(&size.to_le_bytes());
    }
}

/// Lets something that refers to an object or heap refer to another one.
fn reference(data: &mut [u8], random: &mut Random) {
    let base = superblock(data).unwrap_or(512);
    let what = if random.below(4) == 0 { b"GCOL" } else { b"OHDR" };
    let addresses: Vec<u64> = find(data, what)
        .into_iter()
        .filter_map(|at| at.checked_sub(base))
        .map(|a| a as u64)
        .collect();
    let places: Vec<usize> = data
        .windows(8)
        .enumerate()
        .filter(|(_, w)| {
            let value = u64::from_le_bytes((*w).try_into().unwrap_or_default());
            value != 0 && addresses.binary_search(&value).is_ok()
        })
        .map(|(i, _)| i)
        .collect();
    if let (Some(place), Some(address)) = (random.pick(&places), random.pick(&addresses)) {
        data[place..place + 8].copy_from_slice(&address.to_le_bytes());
    }
}

/// Changes a byte or a word in the body of some message, or its type.
fn message(data: &mut [u8], random: &mut Random) {
    let Some(at) = random.pick(&find(data, b"OHDR")) else { return };
    let Some(area) = messages(data, at) else { return };
    let found = walk(data, area, data[at + 5] & 4 != 0);
    if found.is_empty() {
        return;
    }
    let (_, body) = found[random.below(found.len())].clone();
    if body.is_empty() {
        return;
    }
    let place = body.start + random.below(body.len());
    match random.below(8) {
        0..=2 => data[place] = BYTES[random.below(BYTES.len())],
        3 => data[place] = data[place].wrapping_add(1),
        4 => data[place] = data[place].wrapping_sub(1),
        5 => data[place] ^= 1 << random.below(8),
        6 => {
            let word = WORDS[random.below(WORDS.len())].to_le_bytes();
            let width = [2, 4, 8][random.below(3)].min(body.end - place);
            data[place..place + width].copy_from_slice(&word[..width]);
        }
        _ => {
            // A piece of another message of the file.
            let (_, other) = found[random.below(found.len())].clone();
            let n = (body.end - place).min(other.len());
            let copy = data[other.start..other.start + n].to_vec();
            data[place..place + n].copy_from_slice(&copy);
        }
    }
}
