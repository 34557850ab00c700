//! Tells what is left of a file that was never closed.
//!
//! JLD2 writes text and superblock into the first 560 bytes as it closes a new file (docs/jld2-format.md,
//! section 1.2), and the groups, which hold the names, right before. A writer that is killed leaves
//! zeros there, and behind them whatever had reached the disk.

use super::scan::is_right;
use crate::h5::header::kind;
use crate::h5::superblock::{JLD2_OFFSET, SIZE};
use crate::h5::{Error, ObjectHeader, RelAddr, Result, Source, Superblock};

/// Bytes in which object headers are looked for: a look into a damaged file takes no longer than a
/// tenth of a second.
const SCANNED: u64 = 64 << 20;
/// The file is read in pieces of this many bytes.
const PIECE: usize = 256 << 10;
/// Where a file's front ends: text and superblock.
const FRONT: u64 = JLD2_OFFSET + SIZE as u64;
/// What is read of headers in all, as a share of what is scanned: bounds what forged headers that
/// hold one another cost.
const TIMES: u64 = 4;
/// What even the shortest header counts for.
const LEAST: u64 = 64;
const SIGNATURE: &[u8] = b"OHDR\x02";

/// Object headers with valid checksums.
#[derive(Debug, Default)]
struct Found {
    datasets: u64,
    types: u64,
    groups: u64,
}

/// Says that the file was never closed if its front is zero, and what could be rescued.
///
/// # Errors
/// If it cannot be read.
pub(in crate::h5) fn unclosed(source: &Source) -> Result<Option<Error>> {
    let front = source.len().min(FRONT);
    let bytes = source.read(0, usize::try_from(front).unwrap_or(0), "start")?;
    if bytes.iter().any(|&b| b != 0) {
        return Ok(None);
    }
    let scanned = source.len().min(SCANNED);
    let whole = scanned == source.len();
    let Some(first) = first_byte(source, front, scanned)? else {
        let found = if whole {
            format!("all of its {} bytes are zero: nothing can be rescued", source.len())
        } else {
            "its first 64 MiB are zero".to_owned()
        };
        return Ok(Some(Error::unclosed(front, found, !whole)));
    };
    let found = headers(source, first, scanned)?;
    let within = if whole { "" } else { " in the first 64 MiB" };
    let rescuable = !whole || found.datasets + found.types + found.groups > 0;
    let rescue = match found {
        Found { datasets: 0, types: 0, groups: 0 } if !whole => {
            format!("no object header with a valid checksum was found{within}")
        }
        Found { datasets: 0, types: 0, groups: 0 } => {
            "no object header with a valid checksum was found: nothing can be rescued".to_owned()
        }
        Found { datasets, types, groups } => {
            let names =
                if groups == 0 { "; names are lost, as groups are written on closing" } else { "" };
            format!(
                "a rescue could get what has an object header with a valid checksum{within}: \
                 datasets {datasets}, types {types}, groups {groups}{names}"
            )
        }
    };
    Ok(Some(Error::unclosed(
        first,
        format!(
            "bytes 0 to {}, where text and superblock belong, are zero; data begin at byte {first}; \
             {rescue}",
            front - 1
        ),
        rescuable,
    )))
}

/// The first byte from `start` to `end` that is not zero.
fn first_byte(source: &Source, start: u64, end: u64) -> Result<Option<u64>> {
    let mut at = start;
    while at < end {
        let len = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let piece = source.read(at, len, "start")?;
        if let Some(n) = piece.iter().position(|&b| b != 0) {
            return Ok(Some(at + n as u64));
        }
        at += len as u64;
    }
    Ok(None)
}

/// Counts object headers that start between `start` and `end`.
fn headers(source: &Source, start: u64, end: u64) -> Result<Found> {
    // What the superblock would have said.
    let superblock = Superblock::supposed(JLD2_OFFSET, RelAddr::UNDEF, source.len());
    let mut found = Found::default();
    let mut left = (end - start).saturating_mul(TIMES);
    let mut at = start;
    while at < end {
        let len = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let piece = source.read(at, len, "object headers")?;
        for (n, window) in (0_u64..).zip(piece.windows(SIGNATURE.len())) {
            if window != SIGNATURE {
                continue;
            }
            // However short it is, a header costs a read.
            left = left.saturating_sub(LEAST);
            if left == 0 {
                return Ok(found);
            }
            let addr = RelAddr(at + n - JLD2_OFFSET);
            match ObjectHeader::start(source, &superblock, addr, &mut left) {
                Ok(header) if is_right(&header) => found.add(&header),
                _ => {}
            }
        }
        // A signature may lie across two pieces.
        let step = len.saturating_sub(SIGNATURE.len() - 1).max(1);
        at += if len < PIECE { len } else { step } as u64;
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, header: &ObjectHeader) {
        let has = |kind| header.of_kind(kind).next().is_some();
        if has(kind::LAYOUT) {
            self.datasets += 1;
        } else if has(kind::DATATYPE) {
            self.types += 1;
        } else if has(kind::LINK_INFO) {
            self.groups += 1;
        }
    }
}
