//! Checks whether the metadata of an output are, byte for byte, those of the input with the planned
//! changes: userblock, superblock, object headers, heaps, and data with references.

use crate::h5::{Region, RegionKind, Result, Source};
use xxhash_rust::xxh3::Xxh3;

/// Bytes are read in pieces of this size.
const PIECE: usize = 64 << 10;

/// Calls `each` with the metadata in `regions`, piece by piece, with their offset.
fn pieces<E>(
    regions: &[Region],
    mut each: impl FnMut(&Region, u64, usize) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    for region in regions.iter().filter(|r| r.kind != RegionKind::Payload) {
        let mut at = region.start;
        while at < region.end {
            let n = usize::try_from(region.end - at).unwrap_or(PIECE).min(PIECE);
            each(region, at, n)?;
            at += n as u64;
        }
    }
    Ok(())
}

/// Compares the metadata of `output`, which take `regions`, with those that were planned.
pub(super) fn compare(
    planned: &Source,
    output: &Source,
    regions: &[Region],
) -> std::result::Result<(), String> {
    let unread = |e| format!("metadata cannot be compared: {e}");
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    pieces(regions, |region, at, n| {
        expected.resize(n, 0);
        planned.read_into(at, &mut expected, "metadata").map_err(unread)?;
        if output.holds(at, &expected, "metadata").map_err(unread)? {
            return Ok(());
        }
        found.resize(n, 0);
        output.read_into(at, &mut found, "metadata").map_err(unread)?;
        match expected.iter().zip(&found).enumerate().find(|(_, (a, b))| a != b) {
            None => Err(format!("{:?} at {}: it reads otherwise twice", region.kind, region.start)),
            Some((i, (a, b))) => Err(format!(
                "{:?} at {}: byte {} is {b:#04x}, planned was {a:#04x}",
                region.kind,
                region.start,
                at + i as u64
            )),
        }
    })
}

/// Digest of the metadata in `regions`.
pub(super) fn digest(source: &Source, regions: &[Region]) -> Result<u128> {
    let mut digest = Xxh3::new();
    let mut bytes = Vec::new();
    pieces(regions, |region, at, n| {
        if at == region.start {
            digest.update(&region.start.to_le_bytes());
            digest.update(&region.end.to_le_bytes());
        }
        bytes.resize(n, 0);
        source.read_into(at, &mut bytes, "metadata")?;
        digest.update(&bytes);
        Ok(())
    })?;
    Ok(digest.digest128())
}
