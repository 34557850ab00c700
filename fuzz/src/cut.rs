//! Cuts small files out of large ones: one object with all that it leads to.

use crate::repair::{repair, superblock};
use jldconv::h5::{
    Edge, EdgeKind, Error, File, Layout, Object, Region, RegionKind, RelAddr, Result, Source,
    Trace, Visitor, encode, kind,
};
use std::collections::BTreeMap;

/// First byte behind the superblock.
const FIRST: usize = 560;
const BASE: u64 = 512;

#[derive(Default)]
struct Parts {
    /// Places of addresses.
    addresses: Vec<u64>,
    regions: Vec<Region>,
}

impl Visitor for Parts {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        let chunks = object.header.of_kind(kind::CONTINUATION).map(|m| m.body);
        self.addresses.extend(chunks);
        match object.dataset().map(|d| &d.layout) {
            Some(Layout::Contiguous { at, size: 1.., .. }) => self.addresses.push(*at),
            Some(Layout::Chunked(chunked)) => self.addresses.push(chunked.at),
            _ => {}
        }
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        self.addresses.push(edge.at);
        Ok(())
    }

    fn follow(&mut self, edge: &Edge) -> bool {
        // Links out of a group lead too far.
        edge.kind != EdgeKind::Link
    }

    fn region(&mut self, region: Region) -> Result<()> {
        if region.kind != RegionKind::Superblock {
            self.regions.push(region);
        }
        Ok(())
    }
}

/// A file whose root has one link, `name`, to a copy of the object at `addr` of `bytes`.
///
/// # Errors
/// If the object or what it leads to is damaged.
pub fn cut(bytes: &[u8], name: &str, addr: RelAddr) -> Result<Vec<u8>> {
    let mut whole = bytes.to_vec();
    let at = superblock(&whole).ok_or_else(|| Error::not_jld2("no superblock"))?;
    whole[at + 36..at + 44].copy_from_slice(&addr.0.to_le_bytes());
    repair_superblock(&mut whole, at);
    let file = File::from_source(Source::from_bytes(whole.clone()))?;
    let mut parts = Parts::default();
    Trace::run(&file, &mut parts)?;
    parts.regions.sort_by_key(|r| r.start);

    let mut out = bytes[..FIRST].to_vec();
    // Old start and end to new start.
    let mut moved = BTreeMap::new();
    for r in &parts.regions {
        let (start, mut end) = (r.start as usize, r.end as usize);
        let mut spare = 0;
        if r.kind == RegionKind::Heap {
            let heap = file.heap(file.addr(r.start))?;
            let used = heap.objects.last().map_or(r.start + 16, |o| o.offset + o.size);
            end = used.next_multiple_of(8) as usize;
            spare = 16;
        }
        if r.kind != RegionKind::Header {
            out.resize(out.len().next_multiple_of(8), 0);
        }
        let to = out.len();
        out.extend(&whole[start..end]);
        if spare > 0 {
            let size = (end - start) as u64;
            out[to + 8..to + 16].copy_from_slice(&size.to_le_bytes());
            out.extend(vec![0; spare]);
        }
        moved.insert(r.start, (r.end, to as u64));
    }
    let place = |old: u64| {
        let (start, (end, to)) = moved.range(..=old).next_back()?;
        (old < *end).then(|| to + (old - start))
    };
    for at in parts.addresses {
        let Some(to) = place(at) else { continue };
        let (at, to) = (at as usize, to as usize);
        let old = whole.get(at..at + 8).and_then(|b| b.first_chunk()).copied().unwrap_or_default();
        let old = u64::from_le_bytes(old).wrapping_add(file.superblock().base);
        let new = place(old).map_or(0, |n| n - BASE);
        if let Some(slot) = out.get_mut(to..to + 8) {
            slot.copy_from_slice(&new.to_le_bytes());
        }
    }
    let target = place(addr.0.wrapping_add(file.superblock().base)).map_or(0, |n| n - BASE);
    let root = out.len() as u64 - BASE;
    out.extend(encode::object_header(&encode::group(&[(name.to_owned(), RelAddr(target))])).bytes);
    out[512 + 36..512 + 44].copy_from_slice(&root.to_le_bytes());
    out[512 + 28..512 + 36].copy_from_slice(&u64::MAX.to_le_bytes());
    repair(&mut out);
    Ok(out)
}

fn repair_superblock(bytes: &mut [u8], at: usize) {
    let sum = jldconv::h5::checksum::lookup3(&bytes[at..at + 44]);
    bytes[at + 44..at + 48].copy_from_slice(&sum.to_le_bytes());
}
