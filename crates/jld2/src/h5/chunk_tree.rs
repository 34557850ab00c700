//! Version 1 B-trees that index the chunks of a dataset, to be written (HDF5 specification III.A.1;
//! docs/jld2-format.md, section 7.2).
//!
//! Every HDF5 reads this index, and JLD2 from 0.4.24 on. All nodes of a level stand behind one
//! another, leaves first, the root last.

use super::chunk_grid::ChunkGrid;
use super::{FilterEntry, RelAddr};
use std::io;

/// Most children of a node: twice the K that holds where a superblock says nothing of it.
const CHILDREN: u64 = 64;

/// The chunks of a dataset, which stand behind one another in the file in the grid's order.
#[derive(Debug, Clone, Copy)]
pub struct StoredChunks<'a> {
    /// How the dataset is cut.
    pub grid: &'a ChunkGrid,
    /// Where the first chunk is.
    pub first: RelAddr,
    /// Stored bytes of each.
    pub sizes: &'a [u32],
    /// Which filters were skipped for all of them: a set bit for each.
    pub filter_mask: u32,
}

/// Bytes of a node whose keys have `rank` dimensions beside that of the element. Readers take in a
/// node as a whole, however many children it has.
fn node_bytes(rank: usize) -> u64 {
    let key = 8_u64.saturating_add(8_u64.saturating_mul(rank as u64 + 1));
    24_u64.saturating_add((CHILDREN + 1).saturating_mul(key)).saturating_add(CHILDREN * 8)
}

/// Nodes of each level, leaves first; the last level has one.
fn levels(chunks: u64) -> impl Iterator<Item = u64> {
    let below = |nodes: &u64| (*nodes > 1).then(|| nodes.div_ceil(CHILDREN));
    std::iter::successors(Some(chunks.div_ceil(CHILDREN).max(1)), below)
}

/// Bytes of the index of `chunks` chunks of an array of `rank` dimensions.
pub fn tree_bytes(rank: usize, chunks: u64) -> u64 {
    levels(chunks).fold(0_u64, |sum, n| sum.saturating_add(n.saturating_mul(node_bytes(rank))))
}

/// Hands the nodes of the index, which is to stand at `at`, to `write`, one behind the other; gives
/// the address of its root.
///
/// # Errors
/// What `write` says.
pub fn write_tree(
    chunks: &StoredChunks<'_>,
    at: RelAddr,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<RelAddr> {
    let bytes = node_bytes(chunks.grid.rank());
    let count = chunks.sizes.len() as u64;
    let mut node = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    // Where this level's nodes begin, and those of the level below.
    let (mut start, mut below) = (at.0, 0_u64);
    // Chunks below each child of a node of this level.
    let mut span = 1_u64;
    let mut stored = chunks.first.0;
    for (level, nodes) in (0_u8..).zip(levels(count)) {
        let children = if level == 0 { count } else { count.div_ceil(span) };
        for n in 0..nodes {
            let first = n * CHILDREN;
            let used = children.saturating_sub(first).min(CHILDREN);
            node.clear();
            node.extend(*b"TREE\x01");
            node.push(level);
            node.extend(u16::try_from(used).unwrap_or(u16::MAX).to_le_bytes());
            let sibling = |there: bool, n: u64| if there { start + n * bytes } else { u64::MAX };
            node.extend(sibling(n > 0, n.saturating_sub(1)).to_le_bytes());
            node.extend(sibling(n + 1 < nodes, n + 1).to_le_bytes());
            for child in first..first + used {
                let chunk = child * span;
                key(chunks, chunk, &mut node);
                if level == 0 {
                    node.extend(stored.to_le_bytes());
                    stored = stored.saturating_add(u64::from(size_of(chunks, chunk)));
                } else {
                    node.extend((below + child * bytes).to_le_bytes());
                }
            }
            closing_key(chunks, (first + used).saturating_mul(span), &mut node);
            node.resize(usize::try_from(bytes).unwrap_or(node.len()), 0);
            write(&node)?;
        }
        below = start;
        start += nodes * bytes;
        span = span.saturating_mul(CHILDREN);
    }
    // The last level is the root alone.
    Ok(RelAddr(below))
}

fn size_of(chunks: &StoredChunks<'_>, chunk: u64) -> u32 {
    usize::try_from(chunk).ok().and_then(|c| chunks.sizes.get(c)).copied().unwrap_or(0)
}

/// Size, filter mask, and the first element in each dimension; that inside the element is 0.
fn key(chunks: &StoredChunks<'_>, chunk: u64, out: &mut Vec<u8>) {
    out.extend(size_of(chunks, chunk).to_le_bytes());
    out.extend(chunks.filter_mask.to_le_bytes());
    out.extend(chunks.grid.corner(chunk).flat_map(u64::to_le_bytes));
    out.extend([0; 8]);
}

/// The key behind the last child: that of the chunk `next`, or behind the last chunk of all, as HDF5
/// does it, one chunk further in every dimension.
fn closing_key(chunks: &StoredChunks<'_>, next: u64, out: &mut Vec<u8>) {
    if next < chunks.grid.count() {
        return key(chunks, next, out);
    }
    let last = chunks.grid.corner(chunks.grid.count().saturating_sub(1));
    out.extend([0; 8]);
    let behind = last.zip(chunks.grid.chunk()).map(|(at, n)| at.saturating_add(*n));
    out.extend(behind.flat_map(u64::to_le_bytes));
    out.extend(u64::from(chunks.grid.element_size()).to_le_bytes());
}

/// Encodes a layout of version 3: chunks behind the index whose root is at `root`.
///
/// JLD2 reads four bytes beyond this message, so something has to follow it in the header.
pub fn chunked(grid: &ChunkGrid, root: RelAddr) -> Vec<u8> {
    let mut out = vec![3, 2, u8::try_from(grid.rank() + 1).unwrap_or(u8::MAX)];
    out.extend(root.0.to_le_bytes());
    let dim = |n: &u64| u32::try_from(*n).unwrap_or(u32::MAX).to_le_bytes();
    out.extend(grid.chunk().iter().flat_map(dim));
    out.extend(grid.element_size().to_le_bytes());
    out
}

/// Bytes of a header that chunks take beyond contiguous data: this layout, and filters.
pub fn header_bytes(layout: &[u8], filters: &[FilterEntry]) -> u64 {
    let contiguous = super::encode::contiguous(RelAddr::NULL, 0).len() as u64;
    // The filters are a message of their own, with a head.
    let filters = super::encode::filter_pipeline(filters).len() as u64 + 4;
    (layout.len() as u64).saturating_add(filters).saturating_sub(contiguous)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node as it stands in the file.
    struct Node {
        level: u8,
        siblings: [u64; 2],
        /// Size, mask and corner.
        keys: Vec<(u32, u32, Vec<u64>)>,
        children: Vec<u64>,
    }

    fn u64_at(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    fn node(bytes: &[u8], at: u64, rank: usize) -> Node {
        let bytes = &bytes[usize::try_from(at).unwrap()..];
        assert_eq!(bytes[..5], *b"TREE\x01");
        let used = usize::from(u16::from_le_bytes([bytes[6], bytes[7]]));
        let width = 8 + 8 * (rank + 1);
        let (mut keys, mut children) = (Vec::new(), Vec::new());
        for k in 0..=used {
            let at = 24 + k * (width + 8);
            let mask = u64_at(bytes, at) >> 32;
            let size = u64_at(bytes, at) & 0xffff_ffff;
            let corner = (0..=rank).map(|d| u64_at(bytes, at + 8 + 8 * d)).collect();
            keys.push((u32::try_from(size).unwrap(), u32::try_from(mask).unwrap(), corner));
            if k < used {
                children.push(u64_at(bytes, at + width));
            }
        }
        let siblings = [u64_at(bytes, 8), u64_at(bytes, 16)];
        Node { level: bytes[5], siblings, keys, children }
    }

    /// Chunks below a node, in order, with their addresses; checks keys, levels and siblings.
    fn walk(
        bytes: &[u8],
        at: u64,
        rank: usize,
        siblings: [u64; 2],
        out: &mut Vec<(u64, u32, Vec<u64>)>,
    ) {
        let this = node(bytes, at, rank);
        assert_eq!(this.siblings, siblings, "node at {at}");
        assert!(this.keys.windows(2).all(|pair| pair[0].2 < pair[1].2), "keys ascend");
        for (k, (child, key)) in this.children.iter().zip(&this.keys).enumerate() {
            if this.level == 0 {
                out.push((*child, key.0, key.2.clone()));
                continue;
            }
            let below = node(bytes, *child, rank);
            assert_eq!(below.level, this.level - 1);
            assert_eq!(below.keys.first(), Some(key));
            assert_eq!(below.keys.last(), this.keys.get(k + 1), "closing keys meet");
            let size = node_bytes(rank);
            let left = if below.siblings[0] == u64::MAX { u64::MAX } else { child - size };
            let right = if below.siblings[1] == u64::MAX { u64::MAX } else { child + size };
            walk(bytes, *child, rank, [left, right], out);
        }
    }

    #[test]
    fn all_chunks_are_found_below_one_root() {
        for (dims, chunk, levels_wanted) in [
            (vec![10], vec![10], 1),
            (vec![64], vec![1], 1),
            (vec![65], vec![1], 2),
            (vec![3, 50, 7], vec![1, 3, 7], 1),
            (vec![64 * 64 + 1, 2], vec![1, 2], 3),
            (vec![5, 60_000], vec![1, 1], 4),
        ] {
            let grid = ChunkGrid::of(&dims, chunk, 8).unwrap();
            let sizes: Vec<u32> =
                (0..u32::try_from(grid.count()).unwrap()).map(|n| 7 + n % 13).collect();
            let chunks =
                StoredChunks { grid: &grid, first: RelAddr(1000), sizes: &sizes, filter_mask: 0 };
            // Addresses count from somewhere; here from the first byte.
            let mut bytes = Vec::new();
            let mut write = |node: &[u8]| {
                bytes.extend_from_slice(node);
                Ok(())
            };
            let root = write_tree(&chunks, RelAddr(0), &mut write).unwrap();
            assert_eq!(bytes.len() as u64, tree_bytes(dims.len(), grid.count()));
            assert_eq!(root.0 + node_bytes(dims.len()), bytes.len() as u64, "the root is last");
            assert_eq!(levels(grid.count()).count(), levels_wanted, "{dims:?}");
            let mut found = Vec::new();
            walk(&bytes, root.0, dims.len(), [u64::MAX; 2], &mut found);
            assert_eq!(found.len() as u64, grid.count());
            let mut at = 1000;
            for (n, (address, size, corner)) in (0..).zip(found) {
                assert_eq!(address, at);
                assert_eq!(corner, grid.corner(n).chain([0]).collect::<Vec<_>>());
                at += u64::from(size);
            }
        }
    }

    #[test]
    fn a_node_takes_what_hdf5_reads_of_it() {
        // As measured on files of libhdf5.
        assert_eq!(node_bytes(1), 2096);
        assert_eq!(tree_bytes(1, 64), 2096);
        assert_eq!(tree_bytes(1, 65), 3 * 2096);
    }

    #[test]
    fn the_layout_is_of_version_3() {
        let grid = ChunkGrid::of(&[10, 20], vec![2, 20], 8).unwrap();
        let bytes = chunked(&grid, RelAddr(0x1234));
        assert_eq!(bytes[..11], [3, 2, 3, 0x34, 0x12, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[11..], [2, 0, 0, 0, 20, 0, 0, 0, 8, 0, 0, 0]);
    }
}
