//! Parses data layouts (HDF5 specification IV.A.2.i; docs/jld2-format.md, section 7.2).

use crate::h5::bytes::Cursor;
use crate::h5::{Error, ObjectHeader, RelAddr, Result, kind};

/// Where the data of a dataset stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Inside the message.
    Compact {
        /// Absolute offset of the data.
        offset: u64,
        /// Bytes.
        size: u64,
    },
    /// In one piece elsewhere.
    Contiguous {
        /// Where; [`RelAddr::UNDEF`] if nothing was ever written.
        addr: RelAddr,
        /// Bytes.
        size: u64,
        /// Absolute offset of the eight bytes that hold the address.
        at: u64,
    },
    /// In chunks, filtered or not.
    Chunked(Chunked),
}

/// Bytes of the largest chunk, decoded, that HDF5 before 2.0 opens: its library keeps the size of a
/// chunk in 32 bits. JLD2 has no such limit.
pub const HDF5_1_CHUNK_MAX: u64 = (1 << 32) - 1;

/// How a dataset is cut into chunks, and where they are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunked {
    /// Version of the message: 3, which has a version 1 B-tree, or 4 and 5, which have the others.
    pub version: u8,
    /// Dimensions of a chunk, slowest first, without the element size.
    pub dims: Vec<u64>,
    /// Bytes of an element, as the chunk's last dimension says.
    pub element_size: u64,
    /// How chunks are found.
    pub index: ChunkIndex,
    /// Where the index is; with [`ChunkIndex::Single`] the chunk itself, with
    /// [`ChunkIndex::Implicit`] the first. [`RelAddr::UNDEF`] if nothing was ever written.
    pub addr: RelAddr,
    /// Absolute offset of the eight bytes that hold the address.
    pub at: u64,
    /// Whether chunks that reach beyond the dataset's edge are stored without the filters.
    pub plain_edges: bool,
}

/// The indexes of chunks (HDF5 specification III.A.1 and VII).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkIndex {
    /// There is one chunk.
    Single {
        /// Stored bytes and filter mask; none if there are no filters, and all bytes are stored.
        filtered: Option<(u64, u32)>,
    },
    /// A version 1 B-tree.
    BTreeV1,
    /// All chunks behind one another, without filters.
    Implicit,
    /// An array of as many entries as there can be chunks.
    FixedArray {
        /// A page of its data block has two to this number of entries.
        page_bits: u8,
    },
    /// An array that grows along one dimension.
    ExtensibleArray,
    /// A version 2 B-tree: more than one dimension grows.
    BTreeV2,
}

/// A chunk that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its number in the grid of the dataset.
    pub number: u64,
    /// Where it is.
    pub addr: RelAddr,
    /// Stored bytes.
    pub size: u64,
    /// A set bit: this filter was skipped.
    pub filter_mask: u32,
}

impl ChunkIndex {
    /// What people call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Single { .. } => "single chunk",
            Self::BTreeV1 => "version 1 B-tree",
            Self::Implicit => "implicit index",
            Self::FixedArray { .. } => "fixed array",
            Self::ExtensibleArray => "extensible array",
            Self::BTreeV2 => "version 2 B-tree",
        }
    }
}

impl Chunked {
    /// Bytes of a chunk before its filters; `None` if that overflows.
    pub fn chunk_bytes(&self) -> Option<u64> {
        self.dims.iter().try_fold(self.element_size, |n, &d| n.checked_mul(d))
    }

    /// The chunk, where the message itself says that there is one.
    pub fn single(&self) -> Option<StoredChunk> {
        let ChunkIndex::Single { filtered } = self.index else { return None };
        let (size, filter_mask) = filtered.unwrap_or((self.chunk_bytes()?, 0));
        Some(StoredChunk { number: 0, addr: self.addr, size, filter_mask })
    }
}

impl Layout {
    /// Parses a layout message.
    ///
    /// # Errors
    /// If it is damaged, or of a kind that is not read.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let offset = c.offset();
        let version = c.u8()?;
        if matches!(version, 1 | 2) {
            return Err(Error::foreign(offset, format!("a data layout of version {version}")));
        }
        if !matches!(version, 3..=5) {
            return Err(Error::corrupt(offset, "layout version", "1 to 5", version.to_string()));
        }
        match c.u8()? {
            0 => {
                let size = c.u16()?;
                let at = c.offset();
                c.take(usize::from(size))?;
                Ok(Self::Compact { offset: at, size: u64::from(size) })
            }
            1 => {
                let at = c.offset();
                Ok(Self::Contiguous { addr: c.addr()?, size: c.u64()?, at })
            }
            2 if version == 3 => chunks_of_version_3(c).map(Self::Chunked),
            2 => chunks_of_version_4(c, version).map(Self::Chunked),
            3 => Err(Error::foreign(offset, "a virtual dataset")),
            other => Err(Error::corrupt(offset + 1, "layout class", "0 to 3", other.to_string())),
        }
    }

    /// How the data are cut into chunks, if they are.
    pub fn chunked(&self) -> Option<&Chunked> {
        match self {
            Self::Chunked(chunked) => Some(chunked),
            Self::Compact { .. } | Self::Contiguous { .. } => None,
        }
    }

    /// The one chunk, where the message itself says that there is one.
    pub fn single_chunk(&self) -> Option<StoredChunk> {
        self.chunked().and_then(Chunked::single)
    }
}

/// In how many bytes each dimension of a chunk is written, where a layout of version 4 says so.
pub fn chunk_width(header: &ObjectHeader) -> Option<u8> {
    match header.body(header.of_kind(kind::LAYOUT).next()?) {
        [4, 2, _, _, width, ..] => Some(*width),
        _ => None,
    }
}

/// Takes the number of dimensions, of which the last is the element size.
fn rank(c: &mut Cursor<'_>) -> Result<u8> {
    let at = c.offset();
    match c.u8()? {
        rank @ 1..=33 => Ok(rank),
        other => Err(Error::corrupt(at, "chunk rank", "1 to 33", other.to_string())),
    }
}

fn chunks_of_version_3(c: &mut Cursor<'_>) -> Result<Chunked> {
    let rank = rank(c)?;
    let at = c.offset();
    let addr = c.addr()?;
    let mut dims = (0..rank).map(|_| c.u32().map(u64::from)).collect::<Result<Vec<_>>>()?;
    let element_size = dims.pop().unwrap_or(0);
    let index = ChunkIndex::BTreeV1;
    Ok(Chunked { version: 3, dims, element_size, index, addr, at, plain_edges: false })
}

fn chunks_of_version_4(c: &mut Cursor<'_>, version: u8) -> Result<Chunked> {
    let flags = c.u8()?;
    let rank = rank(c)?;
    let width = usize::from(c.u8()?);
    let mut dims = (0..rank).map(|_| c.uint(width)).collect::<Result<Vec<_>>>()?;
    let element_size = dims.pop().unwrap_or(0);
    let at = c.offset();
    let index = match c.u8()? {
        1 => {
            let filtered = if flags & 2 == 0 { None } else { Some((c.u64()?, c.u32()?)) };
            ChunkIndex::Single { filtered }
        }
        2 => ChunkIndex::Implicit,
        3 => ChunkIndex::FixedArray { page_bits: c.u8()? },
        4 => {
            // What the header of the array says again.
            c.take(5)?;
            ChunkIndex::ExtensibleArray
        }
        5 => {
            // Node size, and how full nodes are split and merged: the tree's header has them, too.
            c.take(6)?;
            ChunkIndex::BTreeV2
        }
        other => return Err(Error::corrupt(at, "chunk index", "1 to 5", other.to_string())),
    };
    let at = c.offset();
    let plain_edges = flags & 1 != 0;
    Ok(Chunked { version, dims, element_size, index, addr: c.addr()?, at, plain_edges })
}
