//! Entries of the indexes of version 4 layouts: where a chunk is, and how large if it is filtered.

use crate::h5::{Cursor, Error, RelAddr, Result};

/// An entry that leads to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) addr: RelAddr,
    pub(super) size: u64,
    pub(super) filter_mask: u32,
}

/// What stands in an entry of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Stored(Entry),
    /// No chunk here, nor before the entry of this index.
    Missing {
        until: u64,
    },
}

impl Slot {
    pub(super) fn missing(until: u64) -> Self {
        Self::Missing { until }
    }

    /// What was read of the entry of this index.
    pub(super) fn of(entry: Option<Entry>, index: u64) -> Self {
        entry.map_or(Self::Missing { until: index.saturating_add(1) }, Self::Stored)
    }
}

/// What entries look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryForm {
    /// Bytes of a chunk before its filters.
    chunk_bytes: u64,
    /// Bytes that hold the stored size; none if chunks are not filtered.
    size_width: Option<usize>,
}

impl EntryForm {
    /// Entries of so many bytes; the offset `at` is where that is said.
    ///
    /// # Errors
    /// If entries do not have so many.
    pub(super) fn new(filtered: bool, bytes: usize, chunk_bytes: u64, at: u64) -> Result<Self> {
        // Address and mask; the size takes what is left.
        let size_width = if filtered { bytes.checked_sub(12) } else { None };
        let fits = match size_width {
            Some(width) => (1..=8).contains(&width),
            None => !filtered && bytes == 8,
        };
        if fits {
            return Ok(Self { chunk_bytes, size_width });
        }
        let expected = if filtered { "13 to 20 bytes" } else { "8 bytes" };
        Err(Error::corrupt(at, "entry of a chunk index", expected, format!("{bytes} bytes")))
    }

    /// Takes an entry; `None` if there is no chunk.
    pub(super) fn take(self, c: &mut Cursor<'_>) -> Result<Option<Entry>> {
        let addr = c.addr()?;
        let (size, filter_mask) = match self.size_width {
            Some(width) => (c.uint(width)?, c.u32()?),
            None => (self.chunk_bytes, 0),
        };
        Ok((!addr.is_undef()).then_some(Entry { addr, size, filter_mask }))
    }
}
