//! Reads version 2 B-trees, records of any type (HDF5 specification III.A.2).

use super::address::absolute;
use super::btree2_levels::Levels;
use super::bytes::Cursor;
use super::checksum::lookup3;
use super::effort::Access;
use super::{Error, RelAddr, Result};
use crate::h5::budget::{INDEX_ENTRIES, INDEX_LEVELS, INDEX_NODE};
use std::collections::HashSet;

/// What even the smallest node counts for.
const LEAST: u64 = 64;
/// Bytes of a tree's head, without the checksum.
const HEAD: usize = 34;

/// A tree, read as a whole.
#[derive(Debug)]
pub(super) struct Tree {
    /// Its records in order, with the absolute offset of each.
    pub(super) records: Vec<(Vec<u8>, u64)>,
    /// Its head and nodes: absolute offsets of their first byte and behind their last.
    pub(super) nodes: Vec<(u64, u64)>,
}

impl Tree {
    /// Reads the tree at `addr`, whose records must be of this type and take so many bytes.
    ///
    /// # Errors
    /// If it is damaged or another tree.
    pub(super) fn read(
        from: Access<'_>,
        addr: RelAddr,
        (kind, record): (u8, usize),
    ) -> Result<Self> {
        let what = "version 2 B-tree";
        let offset = absolute(from.superblock, addr, what)?;
        let bytes = from.source.read(offset, HEAD + 4, what)?;
        let mut c = Cursor::new(&bytes, offset, what);
        c.expect(b"BTHD\0", "version 2 B-tree signature and version")?;
        c.expect_u8(kind, "type of a version 2 B-tree")?;
        let node_size = c.u32()?;
        let at = c.offset();
        let size = usize::from(c.u16()?);
        let depth = c.u16()?;
        c.take(2)?;
        let root = c.addr()?;
        let root_records = u64::from(c.u16()?);
        let total = c.u64()?;
        let stored = c.u32()?;
        let computed = lookup3(bytes.get(..HEAD).unwrap_or_default());
        from.compare(offset + HEAD as u64, what, computed, stored)?;
        if size != record || depth > INDEX_LEVELS || u64::from(node_size) > INDEX_NODE {
            return Err(Error::corrupt(
                at,
                what,
                format!(
                    "records of {record} bytes, at most {INDEX_LEVELS} levels and 16 MiB a node"
                ),
                format!("{size} bytes, {depth} levels, {node_size} bytes a node"),
            ));
        }
        let levels = Levels::new(u64::from(node_size), size as u64, depth).ok_or_else(|| {
            Error::corrupt(at, what, "nodes with room for records", "smaller ones")
        })?;
        let mut reader = Reader {
            from,
            kind,
            record,
            levels,
            met: HashSet::new(),
            left: from.superblock.end_of_file,
            out: Self { records: Vec::new(), nodes: vec![(offset, offset + HEAD as u64 + 4)] },
        };
        if !root.is_undef() {
            reader.node(root, root_records, usize::from(depth), at)?;
        }
        let out = reader.out;
        if out.records.len() as u64 != total {
            let found = out.records.len().to_string();
            return Err(Error::corrupt(at, "records of a B-tree", total.to_string(), found));
        }
        Ok(out)
    }
}

struct Reader<'a> {
    from: Access<'a>,
    kind: u8,
    record: usize,
    levels: Levels,
    /// Offsets of the nodes read so far.
    met: HashSet<u64>,
    /// Bytes of nodes that may still be read: honest ones do not overlap.
    left: u64,
    out: Tree,
}

impl Reader<'_> {
    /// Takes in all records at and below the node at `addr`; `from` is where its address stands.
    /// Levels, which are bounded, are all that this recurses through.
    fn node(&mut self, addr: RelAddr, count: u64, level: usize, from: u64) -> Result<()> {
        let what = "node of a version 2 B-tree";
        let offset = absolute(self.from.superblock, addr, what)?;
        let most = self.levels.most(level);
        if count > most || !self.met.insert(offset) {
            return Err(Error::corrupt(
                from,
                what,
                format!("at most {most} records, a node not met before"),
                format!("{count} in the node at {offset}"),
            ));
        }
        // Without the checksum.
        let len = self.levels.node_bytes(level, count).saturating_sub(4);
        self.from.effort.add(len.max(LEAST));
        self.left = self.left.checked_sub(len).ok_or_else(|| {
            Error::corrupt(from, what, "each byte to belong to one node", "overlapping nodes")
        })?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let bytes = self.from.source.read(offset, len.saturating_add(4), what)?;
        let mut c = Cursor::new(&bytes, offset, what);
        let signature = if level == 0 { b"BTLF\0" } else { b"BTIN\0" };
        c.expect(signature, "signature and version of a B-tree node")?;
        c.expect_u8(self.kind, "type of a B-tree node")?;
        let computed = lookup3(bytes.get(..len).unwrap_or_default());
        let mut records = Vec::new();
        for _ in 0..count {
            let at = c.offset();
            records.push((c.take(self.record)?.to_vec(), at));
        }
        let mut children = Vec::new();
        if level > 0 {
            let (count_width, total_width) = self.levels.pointer_widths(level);
            for _ in 0..=count {
                let at = c.offset();
                let (child, count) = (c.addr()?, c.uint(count_width)?);
                c.take(total_width)?;
                children.push((child, count, at));
            }
        }
        let stored = c.u32()?;
        self.from.compare(offset + len as u64, what, computed, stored)?;
        self.out.nodes.push((offset, c.offset()));
        if self.out.records.len() + records.len() > INDEX_ENTRIES {
            return Err(Error::foreign(from, "an index with over 2^19 entries"));
        }
        let mut records = records.into_iter();
        if level == 0 {
            self.out.records.extend(records);
            return Ok(());
        }
        for (child, count, at) in children {
            self.node(child, count, level - 1, at)?;
            self.out.records.extend(records.next());
        }
        Ok(())
    }
}
