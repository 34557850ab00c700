//! Reads the HDF5 container, as far as JLD2 uses it. Knows nothing of Julia.
//!
//! Reads superblocks and object headers of all versions that JLD2 reads, links in messages, symbol
//! tables and fractal heaps, compact, contiguous and chunked layouts, global heaps and shared
//! (committed) datatypes, and keeps the absolute offset of everything it meets, so that a rewriter
//! can patch it. Every checksum is checked, every address and length is bounded by the file, and
//! what JLD2 does not read is named in an error. Soft and external links are kept, and never
//! followed.
//!
//! Two kinds of position occur and are kept apart: a [`RelAddr`] is what the file stores, relative
//! to the superblock's base address; a plain `u64` called *offset* counts bytes from the start of
//! the file.

mod address;
mod address_blocks;
mod address_hash;
mod address_log;
mod address_map;
mod address_set;
mod address_stack;
mod alike;
mod appended;
mod btree2;
mod btree2_levels;
pub(crate) mod budget;
mod bytes;
pub mod checksum;
mod chunk_grid;
mod chunk_index;
pub mod chunk_tree;
mod dense;
mod digest;
mod effort;
pub mod encode;
mod error;
mod file;
mod find_superblock;
mod fractal_heap;
mod group;
mod header;
mod heap;
mod heap_at_hand;
mod link_cursor;
mod link_list;
mod link_runs;
pub mod message;
mod name;
mod new_heap;
mod object;
mod object_cache;
mod packed;
mod paths;
mod paths_budget;
mod refs;
mod regions;
mod rescue;
#[cfg(any(test, feature = "testing"))]
pub mod sample;
mod scratch;
mod sequence;
mod source;
mod storage;
mod superblock;
mod symbol_table;
#[cfg(test)]
mod tests;
mod to_visit;
pub(crate) mod tokens;
mod trace;
mod work;

pub use address_hash::AddressHashMap;
pub use address_log::AddressLog;
pub use address_map::AddressMap;
pub use address_set::AddressSet;
pub use address_stack::AddressStack;
pub use appended::{Appended, EachPiece, Made, Piece as AppendedPiece};
pub use budget::Budget;
pub use bytes::Cursor;
pub use checksum::{Checked, Checksums};
pub use chunk_grid::ChunkGrid;
pub use chunk_index::{ChunkIter, ChunkTable, Grid};
pub use digest::{MetadataDigest, metadata_digest};
pub use error::{Error, ErrorKind, Result};
pub use file::{File, ReadObjects};
pub use group::Group;
pub use header::{Chunk, Message, ObjectHeader, Piece, header_flag, kind};
pub use heap::{HEAP_HEAD, Heap, HeapObject};
pub use heap_at_hand::HeapAtHand;
pub use link_cursor::{LinkCursor, LinkMessage, Links};
pub use link_runs::{LinkRun, LinkRuns};
pub use message::attribute::Attribute;
pub use message::dataspace::{Dataspace, Extent};
pub use message::datatype::{ByteOrder, Class, Datatype, Member, TypeRef};
pub use message::fill::FillValue;
pub use message::filter::{FilterEntry, with_fewer_values};
pub use message::layout::{
    ChunkIndex, Chunked, HDF5_1_CHUNK_MAX, Layout, StoredChunk, chunk_width,
};
pub use message::link::{AnyLink, HardLink, Link, Symbolic, SymbolicLink};
pub use name::Name;
pub use object::{Dataset, Object, ObjectKind};
pub use paths::{Listed, Paths, until_error};
pub use refs::{RefPlan, RefSlot};
pub use regions::Regions;
pub use rescue::{Front, FrontState, Scan, ZeroRanges};
pub use scratch::{
    ScratchFile, prefer_scratch_directory, scratch_budget, scratch_directory, scratch_spilled,
    set_scratch_budget, set_scratch_directory, try_scratch_directory,
};
pub use source::{Source, SourceReader};
pub use storage::{Storage, StorageIter, StorageList};
pub use superblock::{FormatText, JLD2_OFFSET, SIGNATURE, Superblock};
pub use to_visit::{ToVisit, Wanted, join};
pub use trace::{Edge, EdgeKind, Region, RegionKind, Sequence, Trace, Visitor};

use serde::{Deserialize, Serialize};

/// An address as the file stores it: relative to the superblock's base address.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct RelAddr(pub u64);

impl RelAddr {
    /// "Undefined": all ones.
    pub const UNDEF: Self = Self(u64::MAX);
    /// The null reference.
    pub const NULL: Self = Self(0);

    /// Whether this is the undefined address.
    pub fn is_undef(self) -> bool {
        self == Self::UNDEF
    }

    /// Whether this is the null reference.
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }
}

impl std::fmt::Display for RelAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
