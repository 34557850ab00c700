//! Walks version 2 B-trees of chunks (HDF5 specification III.A.2, record types 10 and 11).
//!
//! As in version 1 a walk ends: levels fall by one from node to node, and the chunks of a node lie
//! between two records of the node above.

use super::blocks::Blocks;
use super::entry::EntryForm;
use super::grid::Grid;
use crate::h5::btree2_levels::Levels;
use crate::h5::{Cursor, Error, File, RelAddr, Result, StoredChunk};
use std::ops::Range;
use std::sync::Arc;

const WHAT: &str = "version 2 B-tree of chunks";
/// Bytes of the header.
const HEADER: u64 = 38;
/// More levels than any file needs.
const MAX_DEPTH: u16 = 32;
/// Nodes take no more bytes than this.
const MAX_NODE: u32 = 16 << 20;

/// A walk over a tree, which keeps one node of each level.
#[derive(Debug)]
pub(super) struct BTreeV2<'a> {
    blocks: Blocks<'a>,
    grid: Arc<Grid>,
    form: EntryForm,
    kind: u8,
    node_size: u64,
    levels: Levels,
    /// The root and how many records it has; none of an empty tree.
    root: Option<Pointer>,
    stack: Vec<Node>,
    started: bool,
    /// Chunks before this one are left out.
    from: u64,
}

#[derive(Debug, Clone, Copy)]
struct Pointer {
    addr: RelAddr,
    records: u64,
}

#[derive(Debug)]
struct Node {
    level: usize,
    records: Vec<StoredChunk>,
    /// One more than records, unless this is a leaf.
    children: Vec<Pointer>,
    /// What to go on with: of a leaf a record; of others, in turns, a child and a record.
    next: usize,
    /// Chunks of this node are in here.
    chunks: Range<u64>,
}

impl Node {
    /// Goes to what holds a chunk, or comes next.
    fn seek(&mut self, number: u64) {
        let record = self.records.partition_point(|r| r.number < number);
        let met = self.records.get(record).is_some_and(|r| r.number == number);
        self.next = if self.level == 0 { record } else { 2 * record + usize::from(met) };
    }
}

impl<'a> BTreeV2<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// If it is damaged, or does not go with the layout.
    pub(super) fn open(
        file: &'a File,
        grid: Arc<Grid>,
        addr: RelAddr,
        filtered: bool,
    ) -> Result<Self> {
        let (blocks, offset, bytes) = Blocks::open(file, addr, HEADER, WHAT)?;
        let mut c = Cursor::new(&bytes, offset, WHAT);
        c.expect(b"BTHD\0", "signature and version of a version 2 B-tree")?;
        let kind = if filtered { 11 } else { 10 };
        c.expect_u8(kind, "record type of a version 2 B-tree")?;
        let node_size = c.u32()?;
        let at = c.offset();
        let record = usize::from(c.u16()?);
        let depth = c.u16()?;
        // How full nodes are split and merged.
        c.take(2)?;
        let (root, records) = (c.addr()?, u64::from(c.u16()?));
        let places = 8 * grid.dims().len();
        let form = EntryForm::new(filtered, record.saturating_sub(places), grid.chunk_bytes(), at)?;
        let levels = Levels::new(u64::from(node_size), record as u64, depth.min(MAX_DEPTH));
        let levels = levels.filter(|_| depth <= MAX_DEPTH && node_size <= MAX_NODE);
        let Some(levels) = levels else {
            let expected = format!("at most {MAX_DEPTH} levels, nodes with room for records");
            let found = format!("{depth} levels, nodes of {node_size} bytes");
            return Err(Error::corrupt(at, WHAT, expected, found));
        };
        let root = (!root.is_undef()).then_some(Pointer { addr: root, records });
        Ok(Self {
            blocks,
            grid,
            form,
            kind,
            node_size: u64::from(node_size),
            levels,
            root,
            stack: Vec::new(),
            started: false,
            from: 0,
        })
    }

    pub(super) fn seek(&mut self, number: u64) {
        if number < self.from {
            self.stack.clear();
            self.started = false;
        }
        self.from = number;
        while self.stack.last().is_some_and(|node| node.chunks.end <= number) {
            self.stack.pop();
        }
        if let Some(node) = self.stack.last_mut() {
            node.seek(number);
        }
    }

    pub(super) fn take_parts(&mut self) -> Vec<Range<u64>> {
        self.blocks.take_parts()
    }

    pub(super) fn next(&mut self) -> Result<Option<StoredChunk>> {
        if !self.started {
            self.started = true;
            if let Some(root) = self.root {
                let root = self.node(root, self.levels.top(), 0..self.grid.total())?;
                self.stack.push(root);
            }
        }
        while let Some(node) = self.stack.last_mut() {
            let next = node.next;
            node.next += 1;
            let record =
                if node.level == 0 { Some(next) } else { (next % 2 == 1).then_some(next / 2) };
            if let Some(record) = record {
                let Some(chunk) = node.records.get(record).copied() else {
                    self.stack.pop();
                    continue;
                };
                self.from = chunk.number.saturating_add(1);
                return Ok(Some(chunk));
            }
            let which = next / 2;
            let Some(child) = node.children.get(which).copied() else {
                self.stack.pop();
                continue;
            };
            let before = which.checked_sub(1).and_then(|i| node.records.get(i));
            let start = before.map_or(node.chunks.start, |r| r.number.saturating_add(1));
            let end = node.records.get(which).map_or(node.chunks.end, |r| r.number);
            let level = node.level.saturating_sub(1);
            let child = self.node(child, level, start..end)?;
            self.stack.push(child);
        }
        Ok(None)
    }

    /// Reads a node whose chunks must be these.
    fn node(&mut self, pointer: Pointer, level: usize, chunks: Range<u64>) -> Result<Node> {
        let Pointer { addr, records: count } = pointer;
        let offset = self.blocks.file.offset(addr, WHAT)?;
        let most = self.levels.most(level);
        let is_root = level == self.levels.top();
        if count > most || count == 0 && !(is_root && level == 0) {
            let expected = format!("1 to {most} records in a node");
            return Err(Error::corrupt(offset, WHAT, expected, count.to_string()));
        }
        let len = self.levels.node_bytes(level, count);
        let block = self.blocks.read(offset, len, WHAT)?;
        self.blocks.tell(offset, self.node_size.max(len));
        let mut c = Cursor::new(&block, offset, WHAT);
        let signature = if level == 0 { b"BTLF\0" } else { b"BTIN\0" };
        c.expect(signature, "signature and version of a B-tree node")?;
        c.expect_u8(self.kind, "record type of a B-tree node")?;
        let mut records = Vec::new();
        let mut least = chunks.start;
        for _ in 0..count {
            let at = c.offset();
            let chunk = self.take(&mut c)?;
            if !(least..chunks.end).contains(&chunk.number) {
                let expected = format!("chunk {least} to {} in this place", chunks.end);
                return Err(Error::corrupt(at, WHAT, expected, format!("chunk {}", chunk.number)));
            }
            least = chunk.number.saturating_add(1);
            records.push(chunk);
        }
        let mut children = Vec::new();
        if level > 0 {
            let (count_width, total_width) = self.levels.pointer_widths(level);
            for _ in 0..=count {
                let (addr, records) = (c.addr()?, c.uint(count_width)?);
                c.take(total_width)?;
                children.push(Pointer { addr, records });
            }
        }
        let mut node = Node { level, records, children, next: 0, chunks };
        node.seek(self.from);
        Ok(node)
    }

    fn take(&self, c: &mut Cursor<'_>) -> Result<StoredChunk> {
        let at = c.offset();
        let entry = self.form.take(c)?;
        let place = self.grid.dims().iter().map(|_| c.u64()).collect::<Result<Vec<_>>>()?;
        let number = self.grid.number(&place).ok_or_else(|| {
            let expected = format!("one inside {:?}", self.grid.dims());
            Error::corrupt(at, "place of a chunk", expected, format!("chunk {place:?}"))
        })?;
        let Some(entry) = entry else {
            return Err(Error::corrupt(at, WHAT, "the address of a chunk", "none"));
        };
        let (addr, size, filter_mask) = (entry.addr, entry.size, entry.filter_mask);
        Ok(StoredChunk { number, addr, size, filter_mask })
    }
}
