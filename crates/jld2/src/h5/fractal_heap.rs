//! Reads fractal heaps: where newer groups and objects keep links and attributes that are too many
//! or too large for their header (HDF5 specification III.G; docs/jld2-format.md, section 3.5).

use super::address::absolute;
use super::btree2::Tree;
use super::bytes::Cursor;
use super::checksum::lookup3;
use super::effort::Access;
use super::header::Piece;
use super::storage::StorageBuilder;
use super::{Error, RelAddr, Result, Storage};
use crate::h5::budget::{INDEX_BYTES, INDEX_LEVELS, INDEX_NODE, INDEX_NODES};
use std::collections::{BTreeMap, HashSet};

/// A flag of the heap: direct blocks have checksums.
const CHECKSUMS: u8 = 0x02;
/// Bytes of the heap's head without filters and without its checksum.
const LEN: usize = 142;
/// Types of heap ids, in bits 4 and 5 of their first byte.
const MANAGED: u8 = 0;
const HUGE: u8 = 1;
const TINY: u8 = 2;

/// A heap, its blocks found.
pub(super) struct FractalHeap<'a> {
    from: Access<'a>,
    head: Head,
    /// Direct blocks by where in the heap's own space they begin.
    blocks: BTreeMap<u64, Block>,
    met: HashSet<u64>,
    storage: Vec<Storage>,
    /// Bytes that all objects together may have.
    most: u64,
    /// Huge objects by number: address and bytes.
    huge: Option<BTreeMap<u64, (RelAddr, u64)>>,
    /// Bytes of objects read so far.
    read: u64,
    /// Bytes that blocks may still take: honest ones do not overlap.
    left: u64,
}

/// A direct block.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Absolute offset.
    offset: u64,
    size: u64,
}

/// What a heap says of itself.
struct Head {
    id_len: usize,
    flags: u8,
    huge_tree: RelAddr,
    /// Entries in a row of the doubling table.
    width: u64,
    /// Bytes of the first block, and of the largest direct one.
    start: u64,
    max_direct: u64,
    /// Bytes that places in the heap's space take, and lengths of objects.
    offset_width: usize,
    len_width: usize,
}

fn is_power(n: u64) -> bool {
    n.is_power_of_two()
}

impl Head {
    /// Rows of direct blocks.
    fn direct_rows(&self) -> u64 {
        u64::from(self.max_direct.trailing_zeros() - self.start.trailing_zeros()) + 2
    }

    /// Bytes of each block in a row; `None` where that overflows.
    fn block_size(&self, row: u64) -> Option<u64> {
        let doublings = u32::try_from(row.saturating_sub(1)).ok()?;
        self.start.checked_mul(1_u64.checked_shl(doublings)?)
    }

    /// Rows of an indirect block that covers `size` bytes.
    fn rows_of(&self, size: u64) -> Option<u64> {
        let first = self.start.checked_mul(self.width)?;
        if !is_power(size) || size < first {
            return None;
        }
        Some(u64::from(size.trailing_zeros() - first.trailing_zeros()) + 1)
    }
}

impl<'a> FractalHeap<'a> {
    /// Reads head and blocks of the heap at `addr`.
    pub(super) fn read(from: Access<'a>, addr: RelAddr) -> Result<Self> {
        let what = "fractal heap";
        let offset = absolute(from.superblock, addr, what)?;
        let bytes = from.source.read(offset, LEN + 4, what)?;
        let mut c = Cursor::new(&bytes, offset, what);
        c.expect(b"FRHP\0", "fractal heap signature and version")?;
        let id_len = usize::from(c.u16()?);
        let at = c.offset();
        if c.u16()? != 0 {
            return Err(Error::foreign(at, "a fractal heap with filters"));
        }
        let flags = c.u8()?;
        let max_managed = u64::from(c.u32()?);
        let _next_huge = c.u64()?;
        let huge_tree = c.addr()?;
        // Free space and where it is managed, sizes, place of the allocator, numbers and sizes of
        // managed, huge and tiny objects.
        c.take(80)?;
        let at = c.offset();
        let width = u64::from(c.u16()?);
        let start = c.u64()?;
        let max_direct = c.u64()?;
        let bits = c.u16()?;
        let _start_rows = c.u16()?;
        let root = c.addr()?;
        let rows = u64::from(c.u16()?);
        let summed = usize::try_from(c.offset() - offset).unwrap_or(LEN);
        let stored = c.u32()?;
        let computed = lookup3(bytes.get(..summed).unwrap_or_default());
        from.compare(offset + summed as u64, what, computed, stored)?;
        if !is_power(width)
            || !is_power(start)
            || !is_power(max_direct)
            || max_direct < start
            || max_direct > INDEX_NODE
            || bits == 0
            || bits > 64
        {
            return Err(Error::corrupt(
                at,
                "doubling table of a fractal heap",
                "powers of two, at most 16 MiB, and at most 64 bits",
                format!("{width} blocks from {start} to {max_direct} bytes, {bits} bits"),
            ));
        }
        let head = Head {
            id_len,
            flags,
            huge_tree,
            width,
            start,
            max_direct,
            offset_width: usize::from(bits).div_ceil(8),
            len_width: bytes_of(u64::from(max_direct.trailing_zeros()))
                .min(bytes_of(u64::from(max_managed.max(1).ilog2()) + 1)),
        };
        let mut heap = Self {
            from,
            head,
            blocks: BTreeMap::new(),
            met: HashSet::new(),
            storage: Vec::new(),
            most: INDEX_BYTES,
            huge: None,
            read: 0,
            left: from.superblock.end_of_file,
        };
        heap.storage.push(Storage {
            start: offset,
            end: offset + summed as u64 + 4,
            checksum: None,
        });
        if !root.is_undef() {
            if rows == 0 {
                heap.direct(root, 0, heap.head.start, at)?;
            } else {
                heap.indirect(root, rows, 0, at, 0)?;
            }
        }
        Ok(heap)
    }

    /// Bytes of an id.
    pub(super) fn id_len(&self) -> usize {
        self.head.id_len
    }

    /// Bytes that its blocks take.
    pub(super) fn size(&self) -> u64 {
        self.from.superblock.end_of_file.saturating_sub(self.left)
    }

    /// Its objects are not held: all of them may have as many bytes as the file.
    pub(super) fn of_any_size(&mut self) {
        self.most = self.most.max(self.from.superblock.end_of_file);
    }

    /// Puts which bytes of the file belong to it into `out`.
    pub(super) fn put_storage(self, out: &mut StorageBuilder) -> Result<()> {
        self.storage.into_iter().try_for_each(|storage| out.push(storage))
    }

    fn place(&mut self, addr: RelAddr, from: u64) -> Result<u64> {
        let offset = absolute(self.from.superblock, addr, "block of a fractal heap")?;
        if !self.met.insert(offset) {
            return Err(Error::corrupt(
                from,
                "fractal heap",
                "a block not met before",
                format!("the block at {offset} again"),
            ));
        }
        if self.met.len() > INDEX_NODES {
            let what = format!("a fractal heap with over {INDEX_NODES} blocks: no more are read");
            return Err(Error::foreign(from, what));
        }
        Ok(offset)
    }

    fn take(&mut self, len: u64, from: u64) -> Result<()> {
        self.from.effort.add(len);
        let left = self.left.checked_sub(len);
        self.left = left.ok_or_else(|| {
            let expected = "each byte to belong to one block";
            Error::corrupt(from, "fractal heap", expected, "overlapping blocks")
        })?;
        Ok(())
    }

    /// Takes in a direct block that begins at `begin` of the heap's space.
    fn direct(&mut self, addr: RelAddr, begin: u64, size: u64, from: u64) -> Result<()> {
        let what = "direct block of a fractal heap";
        let offset = self.place(addr, from)?;
        let end = offset.checked_add(size).filter(|&end| end <= self.from.superblock.end_of_file);
        let Some(end) = end else {
            return Err(Error::corrupt(
                offset,
                what,
                format!(
                    "at most {} bytes",
                    self.from.superblock.end_of_file.saturating_sub(offset)
                ),
                size.to_string(),
            ));
        };
        self.take(size, from)?;
        let head = 13 + self.head.offset_width;
        let bytes = self.from.source.read(offset, head + 4, what)?;
        let mut c = Cursor::new(&bytes, offset, what);
        c.expect(b"FHDB\0", "signature and version of a fractal heap's direct block")?;
        let sum_at = offset + head as u64;
        let summed = self.head.flags & CHECKSUMS != 0;
        if summed {
            let len = usize::try_from(size).unwrap_or(usize::MAX);
            let mut whole = self.from.source.read(offset, len, what)?;
            let Some(place) = whole.get_mut(head..).and_then(|b| b.first_chunk_mut::<4>()) else {
                return Err(Error::corrupt(offset, what, "room for a checksum", size.to_string()));
            };
            let stored = u32::from_le_bytes(std::mem::take(place));
            let computed = lookup3(&whole);
            self.from.compare(sum_at, what, computed, stored)?;
        }
        self.storage.push(Storage { start: offset, end, checksum: summed.then_some(sum_at) });
        self.blocks.insert(begin, Block { offset, size });
        Ok(())
    }

    /// Takes in all that an indirect block of so many rows, which begins at `begin`, leads to.
    fn indirect(
        &mut self,
        addr: RelAddr,
        rows: u64,
        begin: u64,
        from: u64,
        depth: u16,
    ) -> Result<()> {
        let what = "indirect block of a fractal heap";
        if depth > INDEX_LEVELS || rows > 64 {
            let found = format!("{rows} rows, {depth} blocks deep");
            return Err(Error::corrupt(from, what, "at most 64 rows and 32 levels", found));
        }
        let offset = self.place(addr, from)?;
        let width = self.head.width;
        let entries = rows.saturating_mul(width);
        let head = 13 + self.head.offset_width;
        let len = usize::try_from(entries.saturating_mul(8)).unwrap_or(usize::MAX);
        let len = len.saturating_add(head);
        self.take(len as u64, from)?;
        let bytes = self.from.source.read(offset, len.saturating_add(4), what)?;
        let mut c = Cursor::new(&bytes, offset, what);
        c.expect(b"FHIB\0", "signature and version of a fractal heap's indirect block")?;
        c.take(8 + self.head.offset_width)?;
        let computed = lookup3(bytes.get(..len).unwrap_or_default());
        let mut children = Vec::new();
        let mut at_space = begin;
        for row in 0..rows {
            let Some(size) = self.head.block_size(row) else {
                return Err(Error::corrupt(from, what, "blocks below 2^64 bytes", "larger ones"));
            };
            for _ in 0..width {
                let at = c.offset();
                children.push((c.addr()?, at, row, size, at_space));
                at_space = at_space.saturating_add(size);
            }
        }
        let stored = c.u32()?;
        self.from.compare(offset + len as u64, what, computed, stored)?;
        let end = offset + len as u64 + 4;
        self.storage.push(Storage { start: offset, end, checksum: None });
        let direct_rows = self.head.direct_rows();
        for (child, at, row, size, begin) in children {
            if child.is_undef() {
                continue;
            }
            if row < direct_rows {
                self.direct(child, begin, size, at)?;
                continue;
            }
            let Some(rows) = self.head.rows_of(size) else {
                let found = format!("{size} bytes");
                return Err(Error::corrupt(at, what, "blocks of a row of blocks", found));
            };
            self.indirect(child, rows, begin, at, depth + 1)?;
        }
        Ok(())
    }

    /// Where the object of an id stands in the heap's own space; 0 of one that stands elsewhere.
    pub(super) fn place_of(&self, id: &[u8]) -> u64 {
        match id.split_first() {
            Some((first, rest)) if first >> 4 & 3 == MANAGED => {
                Cursor::new(rest, 0, "fractal heap id").uint(self.head.offset_width).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The object of an id, which stands at `from`.
    pub(super) fn object(&mut self, id: &[u8], from: u64) -> Result<Piece> {
        let mut c = Cursor::new(id, from, "fractal heap id");
        let first = c.u8()?;
        if first & 0xc0 != 0 {
            let found = (first >> 6).to_string();
            return Err(Error::corrupt(from, "version of a fractal heap id", "0", found));
        }
        let (offset, len) = match first >> 4 & 3 {
            MANAGED => {
                let place = c.uint(self.head.offset_width)?;
                let len = c.uint(self.head.len_width)?;
                let block = self.blocks.range(..=place).next_back();
                let inside = block.and_then(|(begin, block)| {
                    let within = place - begin;
                    let end = within.checked_add(len)?;
                    (end <= block.size).then(|| block.offset + within)
                });
                let Some(offset) = inside else {
                    return Err(Error::corrupt(
                        from,
                        "fractal heap id",
                        "an object inside a block",
                        format!("{len} bytes at {place}"),
                    ));
                };
                (offset, len)
            }
            HUGE => self.huge_object(&mut c, from)?,
            TINY => {
                // Short ids hold the length in the same byte, long ones in another.
                let len = if self.head.id_len <= 18 {
                    usize::from(first & 0x0f) + 1
                } else {
                    (usize::from(first & 0x0f) << 8 | usize::from(c.u8()?)) + 1
                };
                let offset = c.offset();
                return Ok(Piece { offset, bytes: c.take(len)?.to_vec() });
            }
            other => {
                let found = other.to_string();
                return Err(Error::corrupt(from, "type of a fractal heap id", "0 to 2", found));
            }
        };
        self.from.effort.add(len);
        self.read = self.read.saturating_add(len);
        if self.read > self.most {
            let what = format!("links or attributes of one object of {} bytes and more", self.read);
            return Err(Error::foreign(from, format!("{what}: at most {} are read", self.most)));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        Ok(Piece { offset, bytes: self.from.source.read(offset, len, "object of a fractal heap")? })
    }

    /// An object that is too large for a block: where it stands is said in its id, or in a B-tree.
    fn huge_object(&mut self, c: &mut Cursor<'_>, from: u64) -> Result<(u64, u64)> {
        let (addr, len) = if self.head.id_len >= 17 {
            (c.addr()?, c.u64()?)
        } else {
            let number = c.uint(c.remaining().min(8))?;
            if self.huge.is_none() {
                self.huge = Some(self.huge_objects()?);
            }
            let known = self.huge.as_ref().and_then(|h| h.get(&number)).copied();
            known.ok_or_else(|| {
                let found = format!("number {number}");
                Error::corrupt(from, "fractal heap id", "a large object of the heap", found)
            })?
        };
        let offset = absolute(self.from.superblock, addr, "large object of a fractal heap")?;
        let end = offset.checked_add(len).filter(|&end| end <= self.from.superblock.end_of_file);
        let Some(end) = end else {
            return Err(Error::corrupt(
                from,
                "large object of a fractal heap",
                "bytes inside the file",
                format!("{len} at {addr}"),
            ));
        };
        self.storage.push(Storage { start: offset, end, checksum: None });
        Ok((offset, len))
    }

    /// Records of type 1: address, bytes, number.
    fn huge_objects(&mut self) -> Result<BTreeMap<u64, (RelAddr, u64)>> {
        let mut storage = StorageBuilder::default();
        let tree = Tree::open(self.from, self.head.huge_tree, (1, 24), &mut storage)?;
        let mut out = BTreeMap::new();
        for (record, at) in &tree.records(&mut storage)? {
            let mut c = Cursor::new(record, *at, "large objects of a fractal heap");
            let place = (c.addr()?, c.u64()?);
            out.insert(c.u64()?, place);
        }
        for storage in &storage.finish()? {
            self.storage.push(storage?);
        }
        Ok(out)
    }
}

/// Bytes that so many bits take.
fn bytes_of(bits: u64) -> usize {
    usize::try_from(bits.div_ceil(8)).unwrap_or(8)
}
