//! Heap collections that JLD2 filled to the last byte.
//!
//! JLD2 leaves the 16 bytes of a collection's head out of its stored size, HDF5 does not
//! (docs/jld2-format.md, section 8). Where there is free space the two agree; an object that got a
//! collection of its own (4,065 bytes and more) ends 8 to 16 bytes behind the end that HDF5 sees, and
//! HDF5 from 1.14 on refuses to read any string or list of that collection. With the stored size 16
//! bytes larger, the collection is in HDF5's eyes what it is in JLD2's; JLD2 looks for no further
//! object where 16 bytes or fewer are left (v0.1.1 to v0.6.5, `src/global_heaps.jl`).

use super::super::patches::Patches;
use crate::h5::{File, HEAP_HEAD, Region, Result};

/// Where the stored size stands in a collection.
const SIZE_AT: u64 = 8;

/// Offsets of full collections, with their stored sizes.
#[derive(Debug, Default)]
pub(super) struct Heaps(Vec<(u64, u64)>);

/// The sizes that are to be written.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<(u64, u64)>);

impl Heaps {
    /// Looks into a collection; says whether HDF5 sees its last object run over its end.
    pub(super) fn look(&mut self, file: &File, region: &Region) -> Result<bool> {
        let heap = file.heap(file.addr(region.start))?;
        let Some(last) = heap.objects.last() else { return Ok(false) };
        let end = last.offset.saturating_add(last.size.next_multiple_of(8));
        let limit = heap.offset.saturating_add(heap.size);
        let over = end.saturating_sub(limit);
        if over == 0 {
            return Ok(false);
        }
        // Less than 16 are over where a half of the last 16 is free, which must not look like an
        // object to JLD2.
        let free = over < HEAP_HEAD && file.source().read(end, 2, "global heap")? == [0, 0];
        let room = limit.saturating_add(HEAP_HEAD) <= file.superblock().end_of_file;
        if room && (over == HEAP_HEAD || free) {
            self.0.push((heap.offset, heap.size));
        }
        Ok(true)
    }

    pub(super) fn changes(&self) -> Changes {
        Changes(self.0.clone())
    }
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(&self, patches: &mut Patches) {
        for &(offset, size) in &self.0 {
            let size = size.saturating_add(HEAP_HEAD).to_le_bytes().to_vec();
            patches.put_unchecked(offset.saturating_add(SIZE_AT), size, "size of a full heap");
        }
    }
}
