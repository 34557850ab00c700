//! Blocks of an index: read with their checksum, kept at hand, told once.

use crate::h5::checksum::lookup3;
use crate::h5::{Budget, Cursor, Error, File, RelAddr, Result};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of blocks that are kept: entries of a million chunks.
const MOST_KEPT: usize = 16 << 20;
/// Larger blocks do not occur.
const MOST: u64 = 64 << 20;

/// Blocks of one index.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    pub(super) file: &'a File,
    allowance: Budget,
    kept: HashMap<u64, Arc<Vec<u8>>>,
    /// What is kept, in the order of reading.
    order: VecDeque<u64>,
    bytes: usize,
    told: HashSet<u64>,
    parts: Vec<Range<u64>>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self {
            file,
            allowance: file.allowance(),
            kept: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            told: HashSet::new(),
            parts: Vec::new(),
        }
    }

    /// The blocks of an index, and the offset and `len` bytes of its header.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn open(
        file: &'a File,
        header: RelAddr,
        len: u64,
        what: &'static str,
    ) -> Result<(Self, u64, Arc<Vec<u8>>)> {
        let mut blocks = Self::new(file);
        let offset = file.offset(header, what)?;
        let bytes = blocks.read(offset, len, what)?;
        blocks.tell(offset, len);
        Ok((blocks, offset, bytes))
    }

    /// `len` bytes at `offset`, which the last four of them are the checksum of.
    ///
    /// # Errors
    /// If they are outside the file, or their checksum is that of others.
    pub(super) fn read(&mut self, offset: u64, len: u64, what: &str) -> Result<Arc<Vec<u8>>> {
        if let Some(known) = self.kept.get(&offset)
            && known.len() as u64 == len
        {
            return Ok(Arc::clone(known));
        }
        if len > MOST {
            let expected = format!("at most {MOST} bytes");
            return Err(Error::corrupt(offset, what, expected, len.to_string()));
        }
        self.file.extent(offset, len, what)?;
        self.spend(len, offset)?;
        let bytes = self.file.source().read(offset, usize::try_from(len).unwrap_or(0), what)?;
        let (data, sum) = bytes.split_at(bytes.len().saturating_sub(4));
        let at = offset.saturating_add(data.len() as u64);
        let stored = Cursor::new(sum, at, "checksum").u32()?;
        let computed = lookup3(data);
        self.file.checksums().compare(at, what, computed, stored)?;
        if computed != stored {
            self.file.note_wrong(at, computed);
        }
        let block = Arc::new(bytes);
        self.keep(offset, &block);
        Ok(block)
    }

    fn keep(&mut self, offset: u64, block: &Arc<Vec<u8>>) {
        while self.bytes.saturating_add(block.len()) > MOST_KEPT {
            let Some(old) = self.order.pop_front() else { break };
            let old = self.kept.remove(&old);
            self.bytes = self.bytes.saturating_sub(old.map_or(0, |old| old.len()));
        }
        if let Some(other) = self.kept.insert(offset, Arc::clone(block)) {
            self.bytes = self.bytes.saturating_sub(other.len());
        } else {
            self.order.push_back(offset);
        }
        self.bytes = self.bytes.saturating_add(block.len());
    }

    /// Counts work that costs as much as reading so many bytes.
    ///
    /// # Errors
    /// If it becomes more than any file of this size needs.
    pub(super) fn spend(&self, bytes: u64, at: u64) -> Result<()> {
        self.file.spend(bytes);
        self.allowance.check(self.file, at)
    }

    /// Notes bytes that the index takes in the file.
    pub(super) fn tell(&mut self, offset: u64, len: u64) {
        if self.told.insert(offset) {
            let end = self.file.superblock().end_of_file;
            self.parts.push(offset..offset.saturating_add(len).min(end));
        }
    }

    /// What was noted since this was last asked.
    pub(super) fn take_parts(&mut self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.parts)
    }

    /// Compares the address of the array's header, which each of its blocks has.
    pub(super) fn owned(c: &mut Cursor<'_>, header: RelAddr, what: &'static str) -> Result<()> {
        let at = c.offset();
        let found = c.addr()?;
        if found == header {
            return Ok(());
        }
        let expected = format!("a block of the array at {header}");
        Err(Error::corrupt(at, what, expected, format!("one of {found}")))
    }
}
