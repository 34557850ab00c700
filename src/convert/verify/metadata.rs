//! Checks whether the metadata of an output are, byte for byte, those of the input with the planned
//! changes: userblock, superblock, object headers, heaps, and data with references.

use crate::h5::{Region, RegionKind, Result, Source};
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// Bytes are read in pieces of this size.
const PIECE: usize = 64 << 10;

fn is_metadata(region: &Region) -> bool {
    region.kind != RegionKind::Payload
}

/// Calls `each` with a range, piece by piece: offset and length.
fn pieces<E>(
    range: Range<u64>,
    mut each: impl FnMut(u64, usize) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut at = range.start;
    while at < range.end {
        let n = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
        each(at, n)?;
        at += n as u64;
    }
    Ok(())
}

/// Calls `each` with the ranges that metadata take: neighbours together.
fn runs<E>(
    regions: &[Region],
    mut each: impl FnMut(Range<u64>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut run = 0..0;
    for region in regions.iter().filter(|r| is_metadata(r)) {
        if region.start == run.end {
            run.end = region.end;
            continue;
        }
        each(std::mem::replace(&mut run, region.start..region.end))?;
    }
    each(run)
}

/// Compares the metadata of `output`, which take `regions`, with those that were planned.
pub(super) fn compare(
    planned: &Source,
    output: &Source,
    regions: &[Region],
) -> std::result::Result<(), String> {
    let unread = |e| format!("metadata cannot be compared: {e}");
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    let holder = |offset: u64| {
        let has = |r: &&Region| (r.start..r.end).contains(&offset);
        let region = regions.iter().filter(|r| is_metadata(r)).find(has);
        region.map_or("metadata".to_owned(), |r| format!("{:?} at {}", r.kind, r.start))
    };
    let mut piece = |at: u64, n: usize| {
        expected.resize(n, 0);
        planned.read_into(at, &mut expected, "metadata").map_err(unread)?;
        if output.holds(at, &expected, "metadata").map_err(unread)? {
            return Ok(());
        }
        found.resize(n, 0);
        output.read_into(at, &mut found, "metadata").map_err(unread)?;
        match (at..).zip(expected.iter().zip(&found)).find(|(_, (a, b))| a != b) {
            None => Err(format!("{}: it reads otherwise twice", holder(at))),
            Some((offset, (a, b))) => {
                Err(format!("{}: byte {offset} is {b:#04x}, planned was {a:#04x}", holder(offset)))
            }
        }
    };
    runs(regions, |run| pieces(run, &mut piece))
}

/// Digest of the metadata in `regions`.
pub(super) fn digest(source: &Source, regions: &[Region]) -> Result<u128> {
    let mut digest = Xxh3::new();
    let mut bytes = Vec::new();
    for region in regions.iter().filter(|r| is_metadata(r)) {
        digest.update(&region.start.to_le_bytes());
        digest.update(&region.end.to_le_bytes());
        pieces(region.start..region.end, |at, n| {
            bytes.resize(n, 0);
            source.read_into(at, &mut bytes, "metadata")?;
            digest.update(&bytes);
            Ok(())
        })?;
    }
    Ok(digest.digest128())
}
