//! Makes the checksums of a mutated file right again, so that mutations reach what is behind them.

use jldconv::h5::checksum::lookup3;
use jldconv::h5::{Checksums, File, Object, Result, Source, Storage, Trace, Visitor};
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of a superblock.
const SUPERBLOCK: usize = 48;

/// A piece of the file whose last four bytes are its checksum.
pub type Piece = Range<usize>;

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(to) = bytes.get_mut(at..).and_then(|b| b.get_mut(..value.len())) {
        to.copy_from_slice(value);
    }
}

/// Where the superblock stands.
pub fn superblock(bytes: &[u8]) -> Option<usize> {
    [512, 0, 1024, 2048, 4096].into_iter().find(|&at| {
        bytes.get(at..at + SUPERBLOCK).is_some_and(|b| b.starts_with(b"\x89HDF\r\n\x1a\n"))
    })
}

/// All positions of a signature.
pub fn find(bytes: &[u8], what: &[u8; 4]) -> Vec<usize> {
    bytes.windows(4).enumerate().filter(|(_, w)| w == what).map(|(i, _)| i).collect()
}

/// The header that starts at `at`: its messages, without the checksum.
pub fn messages(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let flags = *bytes.get(at + 5)?;
    let start =
        at + 6 + if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
    let width = 1 << (flags & 3);
    let mut size = [0; 8];
    size[..width].copy_from_slice(bytes.get(start..start + width)?);
    let size = usize::try_from(u64::from_le_bytes(size)).ok()?;
    let end = (start + width).checked_add(size)?;
    (end.checked_add(4)? <= bytes.len()).then_some(start + width..end)
}

/// Offset of each message in `area`, with type, and body.
pub fn walk(bytes: &[u8], area: Range<usize>, wide: bool) -> Vec<(u8, Range<usize>)> {
    let head = if wide { 6 } else { 4 };
    let mut at = area.start;
    let mut out = Vec::new();
    while at + head <= area.end {
        let len = usize::from(u16::from_le_bytes([bytes[at + 1], bytes[at + 2]]));
        let body = at + head..at + head + len;
        if body.end > area.end {
            break;
        }
        at = body.end;
        out.push((bytes[body.start - head], body));
    }
    out
}

/// All pieces with checksums: headers, and the continuations that they lead to.
pub fn pieces(bytes: &[u8]) -> Vec<Piece> {
    let base = superblock(bytes).unwrap_or(512) as u64;
    let mut out = BTreeSet::new();
    for at in find(bytes, b"OHDR") {
        let Some(area) = messages(bytes, at) else { continue };
        let wide = bytes[at + 5] & 4 != 0;
        out.insert((at, area.end + 4));
        let mut pending = vec![area];
        while let Some(area) = pending.pop() {
            for (kind, body) in walk(bytes, area, wide) {
                let target = u64_at(bytes, body.start).and_then(|a| a.checked_add(base));
                let len = u64_at(bytes, body.start + 8);
                let (0x10, Some(at), Some(len)) = (kind, target, len) else { continue };
                let Some(end) = at.checked_add(len).filter(|&e| e <= bytes.len() as u64) else {
                    continue;
                };
                let (at, end) = (at as usize, end as usize);
                if len >= 8 && bytes[at..].starts_with(b"OCHK") && out.insert((at, end)) {
                    pending.push(at + 4..end - 4);
                }
            }
        }
    }
    out.into_iter().map(|(start, end)| start..end).collect()
}

/// Collects what objects keep outside their headers.
#[derive(Default)]
struct Outside(Vec<Storage>);

impl Visitor for Outside {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        object.header.storage.iter().try_for_each(|storage| {
            self.0.push(storage?);
            Ok(())
        })
    }
}

/// Puts the checksums of heaps and of their indexes right, as far as they can be reached.
fn repair_outside(bytes: &mut [u8]) {
    let source = Source::from_bytes(bytes.to_vec());
    let Ok(file) = File::with_checksums(source, Checksums::Ignored) else { return };
    let mut outside = Outside::default();
    let _ = Trace::run(&file, &mut outside);
    for Storage { start, end, checksum } in outside.0 {
        let (start, end) = (start as usize, end as usize);
        let Some(block) = bytes.get_mut(start..end) else { continue };
        let summed = [b"BTHD", b"BTIN", b"BTLF", b"FRHP", b"FHIB"];
        if let Some(at) = checksum.map(|at| at as usize - start) {
            put(block, at, &[0; 4]);
            let sum = lookup3(block).to_le_bytes();
            put(block, at, &sum);
        } else if summed.iter().any(|s| block.starts_with(*s)) && block.len() > 4 {
            let at = block.len() - 4;
            let sum = lookup3(&block[..at]).to_le_bytes();
            put(block, at, &sum);
        }
    }
}

/// Puts right what guards the rest: end of file and all checksums.
pub fn repair(bytes: &mut [u8]) {
    // What stands inside another piece starts behind it.
    for piece in pieces(bytes).into_iter().rev() {
        let end = piece.end - 4;
        let sum = lookup3(&bytes[piece.start..end]).to_le_bytes();
        put(bytes, end, &sum);
    }
    if let Some(at) = superblock(bytes).filter(|&at| bytes[at + 8] < 2) {
        // Without a checksum, and with the end of file elsewhere.
        let (at, len) = (at + if bytes[at + 8] == 0 { 40 } else { 44 }, bytes.len() as u64);
        if u64_at(bytes, at).is_none_or(|end| end > len) {
            put(bytes, at, &len.to_le_bytes());
        }
    } else if let Some(at) = superblock(bytes) {
        let len = bytes.len() as u64;
        if u64_at(bytes, at + 28).is_none_or(|end| end > len) {
            put(bytes, at + 28, &len.to_le_bytes());
        }
        let sum = lookup3(&bytes[at..at + SUPERBLOCK - 4]).to_le_bytes();
        put(bytes, at + SUPERBLOCK - 4, &sum);
    }
    repair_outside(bytes);
}
