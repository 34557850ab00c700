//! Reads version 2 B-trees, records of any type (HDF5 specification III.A.2).

use super::address::absolute;
use super::btree2_levels::Levels;
use super::bytes::Cursor;
use super::checksum::lookup3;
use super::effort::Access;
use super::storage::StorageBuilder;
use super::{AddressSet, Error, RelAddr, Result, Storage};
use crate::h5::budget::{INDEX_ENTRIES, INDEX_LEVELS, INDEX_NODE};

/// What even the smallest node counts for.
const LEAST: u64 = 64;
/// Bytes of a tree's head, without the checksum.
const HEAD: usize = 34;

/// A tree of which the head was read.
pub(super) struct Tree<'a> {
    from: Access<'a>,
    kind: u8,
    /// Bytes of a record.
    record: usize,
    levels: Levels,
    /// Offsets of the nodes read so far.
    met: AddressSet,
    /// Bytes of nodes that may still be read: honest ones do not overlap.
    left: u64,
    /// The root: its address, its records, its level.
    root: (RelAddr, u64, usize),
    /// How many records there are, and where that is said.
    total: u64,
    at: u64,
}

/// Whoever wants to know the records, in order, with the absolute offset of each.
type Found<'f> = &'f mut dyn FnMut(&[u8], u64) -> Result<()>;

impl<'a> Tree<'a> {
    /// Reads the head of the tree at `addr`, whose records must be of this type and take so many bytes;
    /// puts where it stands into `storage`.
    ///
    /// # Errors
    /// If it is damaged or another tree.
    pub(super) fn open(
        from: Access<'a>,
        addr: RelAddr,
        (kind, record): (u8, usize),
        storage: &mut StorageBuilder,
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
        let end = offset + HEAD as u64 + 4;
        storage.push(Storage { start: offset, end, checksum: None })?;
        let (met, left) = (AddressSet::default(), from.superblock.end_of_file);
        let root = (root, root_records, usize::from(depth));
        Ok(Self { from, kind, record, levels, met, left, root, total, at })
    }

    /// How many records it says that there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Tells all records in order, and puts where their nodes stand into `storage`.
    ///
    /// # Errors
    /// If the tree is damaged, and those of `found`.
    pub(super) fn each(mut self, storage: &mut StorageBuilder, found: Found<'_>) -> Result<()> {
        let (root, records, level) = self.root;
        let mut count = 0_u64;
        if !root.is_undef() {
            let (at, total) = (self.at, self.total);
            let mut counted = |record: &[u8], place| {
                count += 1;
                // What is more makes the number wrong in any case.
                if count > total { Ok(()) } else { found(record, place) }
            };
            self.node(root, records, (level, at), storage, &mut counted)?;
        }
        if count == self.total {
            return Ok(());
        }
        let (total, found) = (self.total.to_string(), count.to_string());
        Err(Error::corrupt(self.at, "records of a B-tree", total, found))
    }

    /// All records in order, with the absolute offset of each; puts where their nodes stand into
    /// `storage`.
    ///
    /// # Errors
    /// If the tree is damaged, or they are too many to be held.
    pub(super) fn records(self, storage: &mut StorageBuilder) -> Result<Vec<(Vec<u8>, u64)>> {
        let (at, total) = (self.at, self.total);
        if total > INDEX_ENTRIES as u64 {
            let limit = format!("{INDEX_ENTRIES} of them, the most that are held of one object");
            return Err(Error::too_large_at(at, format!("an index with {total} entries"), limit));
        }
        let mut out = Vec::new();
        self.each(storage, &mut |record, at| {
            out.push((record.to_vec(), at));
            Ok(())
        })?;
        Ok(out)
    }

    /// Tells all records at and below the node at `addr`; `from` is where its address stands. Levels,
    /// which are bounded, are all that this recurses through.
    fn node(
        &mut self,
        addr: RelAddr,
        count: u64,
        (level, from): (usize, u64),
        storage: &mut StorageBuilder,
        found: Found<'_>,
    ) -> Result<()> {
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
        self.left = self.left.checked_sub(len.max(LEAST)).ok_or_else(|| {
            Error::corrupt(from, what, "each byte to belong to one node", "overlapping nodes")
        })?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let bytes = self.from.source.read(offset, len.saturating_add(4), what)?;
        let mut c = Cursor::new(&bytes, offset, what);
        let signature = if level == 0 { b"BTLF\0" } else { b"BTIN\0" };
        c.expect(signature, "signature and version of a B-tree node")?;
        c.expect_u8(self.kind, "type of a B-tree node")?;
        let computed = lookup3(bytes.get(..len).unwrap_or_default());
        let summed = bytes.get(len..).unwrap_or_default();
        let stored = Cursor::new(summed, offset + len as u64, what).u32()?;
        self.from.compare(offset + len as u64, what, computed, stored)?;
        storage.push(Storage { start: offset, end: offset + len as u64 + 4, checksum: None })?;
        let start = c.offset();
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let records = c.take(count.saturating_mul(self.record))?;
        let places = (start..).step_by(self.record.max(1));
        let mut records = records.chunks_exact(self.record.max(1)).zip(places);
        if level == 0 {
            return records.try_for_each(|(record, at)| found(record, at));
        }
        let (count_width, total_width) = self.levels.pointer_widths(level);
        for _ in 0..=count {
            let at = c.offset();
            let (child, count) = (c.addr()?, c.uint(count_width)?);
            c.take(total_width)?;
            self.node(child, count, (level - 1, at), storage, found)?;
            if let Some((record, at)) = records.next() {
                found(record, at)?;
            }
        }
        Ok(())
    }
}
