//! Reads groups of the old kind: a version 1 B-tree of symbol table nodes, and a local heap with the
//! names (HDF5 specification III.A.1, III.B to III.D; docs/jld2-format.md, section 3.4).

use super::address::absolute;
use super::bytes::Cursor;
use super::effort::Access;
use super::encode;
use super::group::Group;
use super::link_list::{LinkList, LinkListBuilder};
use super::link_runs::Tally;
use super::message::link::{AnyLink, Link, Symbolic, SymbolicLink};
use super::storage::StorageBuilder;
use super::{AddressSet, Error, Name, RelAddr, Result, Storage, Superblock};
use crate::h5::budget::{INDEX_BYTES, INDEX_LEVELS};

/// Bytes in front of the entries of a B-tree node, and of a symbol table node.
const TREE_HEAD: u64 = 24;
const NODE_HEAD: u64 = 8;
/// Bytes of an entry of a symbol table node.
const ENTRY: u64 = 40;
/// Bytes of a local heap's head.
const HEAP_HEAD: u64 = 32;
/// What an entry says of its target: nothing, that it is a group, or that it is a soft link.
const SOFT_LINK: u32 = 2;

/// Entries whose names are read together, in the order in which they stand.
const BATCH: usize = 1 << 17;
/// What even the smallest node counts for.
const LEAST: u64 = 64;

/// The links of a group.
pub(super) struct SymbolTable {
    /// Those that are held: all, or none.
    pub(super) group: Group,
    /// All, if they are too many to be held.
    pub(super) many: Option<(LinkList, Tally)>,
}

/// Reads the group whose symbol table message names this B-tree and this heap; holds `few` links. Puts
/// which bytes hold them into `storage`.
pub(super) fn read(
    from: Access<'_>,
    (tree, heap): (RelAddr, RelAddr),
    few: u64,
    storage: &mut StorageBuilder,
) -> Result<SymbolTable> {
    let heap = LocalHeap::read(from, heap)?.whole(from.superblock)?;
    let mut reader = Reader::new(from, heap, few, storage)?;
    reader.tree(tree)?;
    reader.finish().map(|(table, _)| table)
}

/// Reads what is left of it, and gives the first error of the rest.
///
/// # Errors
/// If nothing is left of the heap's head, which says where the names are.
pub(super) fn read_left(
    from: Access<'_>,
    (tree, heap): (RelAddr, RelAddr),
    few: u64,
    storage: &mut StorageBuilder,
) -> Result<(SymbolTable, Option<Error>)> {
    let mut heap = LocalHeap::read(from, heap)?;
    heap.size = heap.size.min(from.superblock.end_of_file.saturating_sub(heap.start));
    let mut reader = Reader::new(from, heap, few, storage)?;
    reader.lenient = true;
    reader.tree(tree)?;
    reader.finish()
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

/// An entry of a node.
#[derive(Clone, Copy)]
struct Entry {
    /// Absolute offset.
    from: u64,
    /// Where in the heap its name is.
    name: u64,
    target: RelAddr,
    /// Where in the heap a soft link's path is.
    path: Option<u32>,
}

struct Reader<'a, 's> {
    from: Access<'a>,
    heap: LocalHeap,
    /// Bytes of names read so far.
    names: u64,
    /// Offsets of the nodes read so far.
    met: AddressSet,
    /// Bytes of nodes that may still be read: honest ones do not overlap.
    left: u64,
    storage: &'s mut StorageBuilder,
    /// So many links are held.
    few: u64,
    /// How many entries were met, and those of which the names are not read yet.
    count: u64,
    entries: Vec<Entry>,
    group: Group,
    many: Option<(LinkListBuilder, Tally)>,
    /// Whether what cannot be read is passed over.
    lenient: bool,
    /// The first error of what was passed over.
    lost: Option<Error>,
}

impl<'a, 's> Reader<'a, 's> {
    fn new(
        from: Access<'a>,
        heap: LocalHeap,
        few: u64,
        storage: &'s mut StorageBuilder,
    ) -> Result<Self> {
        for (start, len) in [(heap.head, HEAP_HEAD), (heap.start, heap.size)] {
            from.effort.add(len);
            storage.push(Storage { start, end: start.saturating_add(len), checksum: None })?;
        }
        Ok(Self {
            from,
            heap,
            names: 0,
            met: AddressSet::default(),
            left: from.superblock.end_of_file,
            storage,
            few,
            count: 0,
            entries: Vec::new(),
            group: Group::default(),
            many: None,
            lenient: false,
            lost: None,
        })
    }

    fn finish(mut self) -> Result<(SymbolTable, Option<Error>)> {
        self.settle()?;
        let many = match self.many {
            Some((links, tally)) => Some((links.finish()?, tally)),
            None => None,
        };
        Ok((SymbolTable { group: self.group, many }, self.lost))
    }

    /// Passes over what cannot be read, if it may.
    fn pass<T: Default>(&mut self, read: Result<T>) -> Result<T> {
        read.or_else(|error| {
            if !self.lenient || error.is_of_system() {
                return Err(error);
            }
            self.lost.get_or_insert(error);
            Ok(T::default())
        })
    }

    /// Takes in a node.
    fn node_of(&mut self, start: u64, len: u64) -> Result<()> {
        self.from.effort.add(len.max(LEAST));
        self.left = self.left.checked_sub(len.max(LEAST)).ok_or_else(|| {
            let expected = "each byte to belong to one node";
            Error::corrupt(start, "group's B-tree", expected, "overlapping nodes")
        })?;
        self.storage.push(Storage { start, end: start.saturating_add(len), checksum: None })
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
        self.node_of(offset, TREE_HEAD + len as u64)?;
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
        self.node_of(offset, NODE_HEAD + u64::from(count) * ENTRY)?;
        let bytes = self.from.source.read(start, len, what)?;
        let mut c = Cursor::new(&bytes, start, what);
        for _ in 0..count {
            let from = c.offset();
            let (name, target, cache) = (c.u64()?, c.addr()?, c.u32()?);
            c.take(4)?;
            let path = c.u32()?;
            c.take(12)?;
            let path = (cache == SOFT_LINK).then_some(path);
            self.entries.push(Entry { from, name, target, path });
        }
        self.count = self.count.saturating_add(count.into());
        if self.entries.len() >= BATCH { self.settle() } else { Ok(()) }
    }

    /// Reads the names of entries, and takes in the links.
    fn settle(&mut self) -> Result<()> {
        let mut entries = std::mem::take(&mut self.entries);
        let large = self.heap.size > INDEX_BYTES;
        if self.many.is_none() && (self.count > self.few || large) {
            self.many = Some(Default::default());
        }
        if self.many.is_some() {
            // In whatever order they come, they are put in order afterwards.
            entries.sort_unstable_by_key(|entry| (entry.name, entry.from));
        }
        for entry in &entries {
            let read = self.entry(*entry);
            self.pass(read)?;
        }
        entries.clear();
        self.entries = entries;
        Ok(())
    }

    fn entry(&mut self, entry: Entry) -> Result<()> {
        let Entry { from, name, target, path } = entry;
        let at = from + 8;
        let name = self.text(name, from, "link name")?;
        if name.is_empty() {
            return Err(Error::corrupt(from, "link name", "at least one byte", "none"));
        }
        let link = if let Some(path) = path {
            let path = self.text(path.into(), at + 16, "target of a soft link")?;
            AnyLink::Symbolic(SymbolicLink { name, to: Symbolic::Soft(path), at: from })
        } else {
            AnyLink::Hard(Link { name, target, at })
        };
        let Some((links, tally)) = &mut self.many else {
            self.group.push(link);
            return Ok(());
        };
        // The message that it would be, such that the address in it is where it stands.
        let (body, at) = match &link {
            AnyLink::Hard(link) => {
                let body = encode::link(&link.name, link.target);
                let before = body.len() as u64 - 8;
                (body, link.at.wrapping_sub(before))
            }
            AnyLink::Symbolic(link) => (encode::symbolic_link(link), link.at),
        };
        let named = AnyLink::named(&body, at)?;
        links.push((&body, at), (&link, None), &named)?;
        tally.put_in(link, from)
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
            // Honest ones do not share their bytes.
            let most = self.heap.size.max(INDEX_BYTES);
            if self.names > most {
                let what = format!("a group with over {most} bytes of names, which share them");
                return Err(Error::foreign(from, what));
            }
            if let Some(end) = end {
                bytes.extend(piece.get(..end).unwrap_or_default());
                return Ok(Name::new(&bytes));
            }
            bytes.extend(piece);
        }
    }
}
