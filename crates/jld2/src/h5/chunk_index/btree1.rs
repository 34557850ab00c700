//! Version 1 B-trees of chunks (HDF5 specification III.A.1, node type 1).
//!
//! A walk ends: levels fall by one from node to node, and the chunks of a node lie between two keys
//! of the node above, so that no node can be met twice.

use super::grid::Grid;
use crate::h5::{Cursor, Error, File, RelAddr, Result, StoredChunk};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a node before its entries.
const HEAD: usize = 24;
/// What nodes begin with.
const SIGNATURE: &[u8; 4] = b"TREE";
/// Nodes of chunks.
const NODE_TYPE: u8 = 1;
/// Entries that a node of libhdf5 has room for, unless its writer was told otherwise.
const USUAL_ENTRIES: usize = 64;
/// A depth that no file needs.
const MAX_LEVEL: u8 = 32;

/// A walk over a tree, which keeps one node of each level.
#[derive(Debug)]
pub(super) struct BTreeV1<'a> {
    file: &'a File,
    grid: Arc<Grid>,
    root: RelAddr,
    stack: Vec<Node>,
    started: bool,
    /// Chunks before this one are left out.
    from: u64,
    parts: Vec<Range<u64>>,
}

#[derive(Debug)]
struct Node {
    level: u8,
    entries: Vec<Entry>,
    /// The entry to go on with.
    next: usize,
    /// Chunks of this node are before this one.
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// A chunk; in an inner node the first that may be below.
    number: u64,
    size: u32,
    mask: u32,
    child: RelAddr,
}

impl Node {
    /// Goes to the entry that holds a chunk, or the next one there is.
    fn seek(&mut self, number: u64) {
        self.next = if self.level == 0 {
            self.entries.partition_point(|e| e.number < number)
        } else {
            self.entries.partition_point(|e| e.number <= number).saturating_sub(1)
        };
    }
}

impl<'a> BTreeV1<'a> {
    pub(super) fn new(file: &'a File, grid: Arc<Grid>, root: RelAddr) -> Self {
        Self { file, grid, root, stack: Vec::new(), started: false, from: 0, parts: Vec::new() }
    }

    pub(super) fn seek(&mut self, number: u64) {
        if number < self.from {
            self.stack.clear();
            self.started = false;
        }
        self.from = number;
        while self.stack.last().is_some_and(|node| node.end <= number) {
            self.stack.pop();
        }
        if let Some(node) = self.stack.last_mut() {
            node.seek(number);
        }
    }

    pub(super) fn take_parts(&mut self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.parts)
    }

    pub(super) fn next(&mut self) -> Result<Option<StoredChunk>> {
        if !self.started {
            let root = self.node(self.root, None, 0..self.grid.total())?;
            self.stack.push(root);
            self.started = true;
        }
        while let Some(node) = self.stack.last_mut() {
            let Some(entry) = node.entries.get(node.next).copied() else {
                self.stack.pop();
                continue;
            };
            node.next += 1;
            let Entry { number, size, mask, child } = entry;
            let Some(below) = node.level.checked_sub(1) else {
                self.from = number.saturating_add(1);
                let size = u64::from(size);
                return Ok(Some(StoredChunk { number, addr: child, size, filter_mask: mask }));
            };
            let end = node.entries.get(node.next).map_or(node.end, |e| e.number);
            if number < end {
                let child = self.node(child, Some(below), number..end)?;
                self.stack.push(child);
            }
        }
        Ok(None)
    }

    /// Reads a node whose chunks must be these.
    fn node(&mut self, addr: RelAddr, level: Option<u8>, chunks: Range<u64>) -> Result<Node> {
        const WHAT: &str = "B-tree of chunks";
        let offset = self.file.offset(addr, WHAT)?;
        let head = self.file.source().read(offset, HEAD, WHAT)?;
        let mut c = Cursor::new(&head, offset, WHAT);
        c.expect(SIGNATURE, "signature of a B-tree node")?;
        c.expect_u8(NODE_TYPE, "type of a B-tree node")?;
        let found = c.u8()?;
        if found > MAX_LEVEL || level.is_some_and(|level| level != found) {
            let expected = level.map_or(format!("at most {MAX_LEVEL}"), |level| level.to_string());
            return Err(Error::corrupt(
                offset + 5,
                "level of a B-tree node",
                expected,
                found.to_string(),
            ));
        }
        let used = usize::from(c.u16()?);
        if used == 0 && (level.is_some() || found > 0) {
            return Err(Error::corrupt(offset + 6, WHAT, "a node with entries", "an empty one"));
        }
        let key = 8 + 8 * (self.grid.dims().len() + 1);
        // One key more than entries: it is behind all of them.
        let len = used * (key + 8) + key;
        let body = offset + HEAD as u64;
        self.file.extent(body, len as u64, WHAT)?;
        let bytes = self.file.source().read(body, len, WHAT)?;
        self.file.spend((HEAD + len) as u64);
        let mut c = Cursor::new(&bytes, body, WHAT);
        let mut entries = Vec::with_capacity(used);
        let mut least = chunks.start;
        for _ in 0..used {
            let at = c.offset();
            let entry = self.entry(&mut c, found == 0)?;
            if entry.number < least || entry.number >= chunks.end && found == 0 {
                let expected = format!("chunk {least} to {} in this place", chunks.end);
                return Err(Error::corrupt(at, WHAT, expected, format!("chunk {}", entry.number)));
            }
            least = if found == 0 { entry.number + 1 } else { entry.number };
            entries.push(entry);
        }
        // The key behind all entries, whose size and mask mean nothing.
        c.take(8)?;
        self.place(&mut c, false)?;
        self.parts.push(offset..self.room(offset, body + len as u64, key));
        let mut node = Node { level: found, entries, next: 0, end: chunks.end };
        node.seek(self.from);
        Ok(node)
    }

    /// The end of a node in the file: libhdf5 keeps room for all entries that it may get.
    fn room(&self, offset: u64, used: u64, key: usize) -> u64 {
        let most = USUAL_ENTRIES * (key + 8) + key + HEAD;
        let end = self.file.superblock().end_of_file;
        offset.saturating_add(most as u64).min(end).max(used)
    }

    fn entry(&self, c: &mut Cursor<'_>, is_leaf: bool) -> Result<Entry> {
        let (size, mask) = (c.u32()?, c.u32()?);
        let at = c.offset();
        let place = self.place(c, is_leaf)?;
        let child = c.addr()?;
        let number = if is_leaf {
            self.grid.number(&place).ok_or_else(|| {
                let expected = format!("one inside {:?}", self.grid.dims());
                Error::corrupt(at, "start of a chunk", expected, format!("chunk {place:?}"))
            })?
        } else {
            self.grid.first_from(&place)
        };
        Ok(Entry { number, size, mask, child })
    }

    /// What a key says of where a chunk begins, counted in chunks along each dimension. As in
    /// libhdf5 (`src/H5Dbtree.c`, `H5D__btree_decode_key`), all keys are multiples of the chunk, that
    /// behind all entries too, and the last coordinate is one of the element. That of a chunk itself
    /// is 0: libhdf5 finds no other.
    fn place(&self, c: &mut Cursor<'_>, is_chunk: bool) -> Result<Vec<u64>> {
        let mut place = Vec::with_capacity(self.grid.dims().len());
        for chunk in self.grid.chunk_dims() {
            let at = c.offset();
            let start = c.u64()?;
            if start % chunk != 0 {
                let expected = format!("a multiple of {chunk}");
                return Err(Error::corrupt(at, "start of a chunk", expected, start.to_string()));
            }
            place.push(start / chunk);
        }
        let at = c.offset();
        let inside = c.u64()?;
        let size = self.grid.element_size();
        if is_chunk && inside != 0 || !inside.is_multiple_of(size) {
            let or = if is_chunk { String::new() } else { format!(" or a multiple of {size}") };
            return Err(Error::corrupt(
                at,
                "start of a chunk inside an element",
                format!("0{or}"),
                inside.to_string(),
            ));
        }
        Ok(place)
    }
}
