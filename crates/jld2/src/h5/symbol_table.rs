//! Reads groups of the old kind: a version 1 B-tree of symbol table nodes, and a local heap with the
//! names (HDF5 specification III.A.1, III.B to III.D; docs/jld2-format.md, section 3.4).

use super::address::absolute;
use super::bytes::Cursor;
use super::effort::Access;
use super::group::Group;
use super::header::Storage;
use super::message::link::{AnyLink, Link, Symbolic, SymbolicLink};
use super::{Error, ErrorKind, Name, RelAddr, Result, Superblock};
use crate::h5::budget::{INDEX_BYTES, INDEX_ENTRIES, INDEX_LEVELS, INDEX_NODES};
use std::collections::HashSet;

/// Bytes in front of the entries of a B-tree node, and of a symbol table node.
const TREE_HEAD: u64 = 24;
const NODE_HEAD: u64 = 8;
/// Bytes of an entry of a symbol table node.
const ENTRY: u64 = 40;
/// Bytes of a local heap's head.
const HEAP_HEAD: u64 = 32;
/// What an entry says of its target: nothing, that it is a group, or that it is a soft link.
const SOFT_LINK: u32 = 2;

/// The links of a group, and which bytes hold them.
pub(super) struct SymbolTable {
    pub(super) group: Group,
    pub(super) storage: Vec<Storage>,
}

/// Reads the group whose symbol table message, at the offset `at`, names this B-tree and this heap.
pub(super) fn read(from: Access<'_>, tree: RelAddr, heap: RelAddr) -> Result<SymbolTable> {
    let heap = LocalHeap::read(from, heap)?.whole(from.superblock)?;
    let mut reader = Reader::new(from, heap);
    reader.tree(tree)?;
    Ok(reader.out)
}

/// Reads what is left of it, and gives the first error of the rest.
///
/// # Errors
/// If nothing is left of the heap's head, which says where the names are.
pub(super) fn read_left(
    from: Access<'_>,
    tree: RelAddr,
    heap: RelAddr,
) -> Result<(SymbolTable, Option<Error>)> {
    let mut heap = LocalHeap::read(from, heap)?;
    heap.size = heap.size.min(from.superblock.end_of_file.saturating_sub(heap.start));
    let mut reader = Reader::new(from, heap);
    reader.lenient = true;
    reader.tree(tree)?;
    Ok((reader.out, reader.lost))
}

/// A local heap: names, ended by zero bytes.
struct LocalHeap {
    head: u64,
    start: u64,
    size: u64,
    /// Where its size is said.
    said_at: u64,
}

impl LocalHeap {
    fn read(from: Access<'_>, addr: RelAddr) -> Result<Self> {
        let head = absolute(from.superblock, addr, "local heap")?;
        let bytes = from.source.read(head, 32, "local heap")?;
        let mut c = Cursor::new(&bytes, head, "local heap");
        c.expect(b"HEAP\0", "local heap signature and version")?;
        c.take(3)?;
        let said_at = c.offset();
        let size = c.u64()?;
        let _free = c.u64()?;
        let start = absolute(from.superblock, c.addr()?, "names of a local heap")?;
        Ok(Self { head, start, size, said_at })
    }

    /// The heap, if all of it is in the file.
    fn whole(self, superblock: &Superblock) -> Result<Self> {
        let left = superblock.end_of_file.saturating_sub(self.start);
        if self.size > left {
            return Err(Error::corrupt(
                self.said_at,
                "local heap size",
                format!("at most {left} bytes"),
                self.size.to_string(),
            ));
        }
        Ok(self)
    }
}

/// The level of a node of the B-tree and its children, with the places of their addresses.
type Children = (u8, Vec<(RelAddr, u64)>);

struct Reader<'a> {
    from: Access<'a>,
    heap: LocalHeap,
    /// Bytes of names read so far.
    names: u64,
    /// Offsets of the nodes read so far.
    met: HashSet<u64>,
    out: SymbolTable,
    /// Whether what cannot be read is passed over.
    lenient: bool,
    /// The first error of what was passed over.
    lost: Option<Error>,
}

impl<'a> Reader<'a> {
    fn new(from: Access<'a>, heap: LocalHeap) -> Self {
        let mut out = Self {
            from,
            heap,
            names: 0,
            met: HashSet::new(),
            out: SymbolTable { group: Group::default(), storage: Vec::new() },
            lenient: false,
            lost: None,
        };
        out.storage(out.heap.head, HEAP_HEAD);
        out.storage(out.heap.start, out.heap.size);
        out
    }

    /// Passes over what cannot be read, if it may.
    fn pass<T: Default>(&mut self, read: Result<T>) -> Result<T> {
        read.or_else(|error| {
            if !self.lenient || matches!(error.kind(), ErrorKind::Io(_)) {
                return Err(error);
            }
            self.lost.get_or_insert(error);
            Ok(T::default())
        })
    }

    fn storage(&mut self, start: u64, len: u64) {
        self.from.effort.add(len);
        let end = start.saturating_add(len);
        self.out.storage.push(Storage { start, end, checksum: None });
    }

    /// Reads all leaves from left to right.
    fn tree(&mut self, root: RelAddr) -> Result<()> {
        // The root says how deep it is; below, each level is one less.
        let mut pending = vec![(root, self.from.superblock.offset, None)];
        while let Some((addr, from, level)) = pending.pop() {
            let read = self.below(addr, from, level);
            let (own, children) = self.pass(read)?;
            pending.extend(children.into_iter().rev().map(|(child, at)| (child, at, Some(own))));
        }
        Ok(())
    }

    /// Reads one node; gives its level and children, none if it is a leaf.
    fn below(&mut self, addr: RelAddr, from: u64, level: Option<u8>) -> Result<Children> {
        let offset = self.node(addr, from)?;
        if level == Some(0) {
            self.leaf(offset)?;
            return Ok(Children::default());
        }
        let (own, children) = self.inner(offset)?;
        // At level 0 the children are symbol table nodes.
        let expected = level.map(|level| level - 1);
        if u16::from(own) >= INDEX_LEVELS || expected.is_some_and(|expected| own != expected) {
            return Err(Error::corrupt(
                offset + 5,
                "level of a B-tree node",
                expected.map_or(format!("less than {INDEX_LEVELS}"), |e| e.to_string()),
                own.to_string(),
            ));
        }
        Ok((own, children))
    }

    /// The offset of a node that was not met before; `from` is where its address stands.
    fn node(&mut self, addr: RelAddr, from: u64) -> Result<u64> {
        let offset = absolute(self.from.superblock, addr, "node of a group's B-tree")?;
        if !self.met.insert(offset) {
            return Err(Error::corrupt(
                from,
                "group's B-tree",
                "a node not met before",
                format!("the node at {offset} again"),
            ));
        }
        if self.met.len() > INDEX_NODES {
            return Err(Error::foreign(from, "a group's B-tree with over 2^19 nodes"));
        }
        Ok(offset)
    }

    /// Level and children, with the places of their addresses.
    fn inner(&mut self, offset: u64) -> Result<Children> {
        let what = "node of a group's B-tree";
        let head = self.from.source.read(offset, 24, what)?;
        let mut c = Cursor::new(&head, offset, what);
        c.expect(b"TREE\0", "signature and type of a group's B-tree")?;
        let level = c.u8()?;
        let count = c.u16()?;
        // A key in front of each child, and one behind the last.
        let len = 16 * usize::from(count) + 8;
        self.storage(offset, TREE_HEAD + len as u64);
        let start = offset + TREE_HEAD;
        let bytes = self.from.source.read(start, len, what)?;
        let mut c = Cursor::new(&bytes, start, what);
        let mut children = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            c.u64()?;
            let at = c.offset();
            children.push((c.addr()?, at));
        }
        Ok((level, children))
    }

    fn leaf(&mut self, offset: u64) -> Result<()> {
        let what = "symbol table node";
        let head = self.from.source.read(offset, 8, what)?;
        let mut c = Cursor::new(&head, offset, what);
        c.expect(b"SNOD\x01", "signature and version of a symbol table node")?;
        c.u8()?;
        let mut count = c.u16()?;
        let start = offset + NODE_HEAD;
        if self.lenient {
            let there = self.from.superblock.end_of_file.saturating_sub(start) / ENTRY;
            if there < u64::from(count) {
                let expected = format!("{count} entries");
                let cut = Error::corrupt(offset, what, expected, format!("{there} of them"));
                self.lost.get_or_insert(cut);
                count = u16::try_from(there).unwrap_or(count);
            }
        }
        let len = usize::from(count) * 40;
        self.storage(offset, NODE_HEAD + u64::from(count) * ENTRY);
        let bytes = self.from.source.read(start, len, what)?;
        let mut c = Cursor::new(&bytes, start, what);
        for _ in 0..count {
            let read = self.entry(&mut c);
            self.pass(read)?;
        }
        Ok(())
    }

    fn entry(&mut self, c: &mut Cursor<'_>) -> Result<()> {
        let from = c.offset();
        let name = c.u64()?;
        let at = c.offset();
        let target = c.addr()?;
        let cache = c.u32()?;
        c.take(4)?;
        let mut scratch = Cursor::new(c.take(16)?, at + 16, "symbol table entry");
        let count = self.out.group.held.len() + self.out.group.symbolic.len();
        if count >= INDEX_ENTRIES {
            return Err(Error::foreign(from, "a group with over 2^19 links"));
        }
        let name = self.text(name, from, "link name")?;
        if name.is_empty() {
            return Err(Error::corrupt(from, "link name", "at least one byte", "none"));
        }
        let link = if cache == SOFT_LINK {
            let path = u64::from(scratch.u32()?);
            let path = self.text(path, at + 16, "target of a soft link")?;
            AnyLink::Symbolic(SymbolicLink { name, to: Symbolic::Soft(path), at: from })
        } else {
            AnyLink::Hard(Link { name, target, at })
        };
        self.out.group.push(link);
        Ok(())
    }

    /// The text at `place` of the heap; `from` is where that is said.
    fn text(&mut self, place: u64, from: u64, what: &'static str) -> Result<Name> {
        const PIECE: u64 = 64;
        let outside = |found: &str| {
            Error::corrupt(from, what, "text inside the group's local heap", found.to_owned())
        };
        let mut bytes = Vec::new();
        let start = self.heap.start.saturating_add(place);
        loop {
            let read = bytes.len() as u64;
            let left = self.heap.size.saturating_sub(place).saturating_sub(read);
            if left == 0 {
                return Err(outside(&format!(
                    "byte {place} of {}, without an end",
                    self.heap.size
                )));
            }
            let len = usize::try_from(left.min(PIECE.max(read))).unwrap_or(0);
            let piece = self.from.source.read(start.saturating_add(read), len, what)?;
            self.from.effort.add(piece.len() as u64);
            let end = piece.iter().position(|&b| b == 0);
            // What stands behind the end of a name belongs to others.
            let own = end.map_or(piece.len(), |end| end + 1);
            self.names = self.names.saturating_add(own as u64);
            if self.names > INDEX_BYTES {
                return Err(Error::foreign(from, "a group with over 16 MiB of names"));
            }
            if let Some(end) = end {
                bytes.extend(piece.get(..end).unwrap_or_default());
                return Ok(Name::new(&bytes));
            }
            bytes.extend(piece);
        }
    }
}
