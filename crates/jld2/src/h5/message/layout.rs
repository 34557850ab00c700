//! Parses data layouts (HDF5 specification IV.A.2.i; docs/jld2-format.md, section 7.2).

use crate::h5::bytes::Cursor;
use crate::h5::{Error, RelAddr, Result};

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
    /// In one filtered chunk.
    Chunk(SingleChunk),
}

/// Bytes of the largest chunk, decoded, that HDF5 before 2.0 opens: its library keeps the size of a
/// chunk in 32 bits. JLD2 has no such limit.
pub const HDF5_1_CHUNK_MAX: u64 = (1 << 32) - 1;

/// A dataset that is one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleChunk {
    /// Dimensions of the chunk, slowest first, without the element size.
    pub dims: Vec<u64>,
    /// Bytes of an element, as the chunk's last dimension says.
    pub element_size: u64,
    /// Stored bytes.
    pub size: u64,
    /// A set bit: this filter was skipped.
    pub filter_mask: u32,
    /// Where.
    pub addr: RelAddr,
    /// Absolute offset of the eight bytes that hold the address.
    pub at: u64,
}

impl Layout {
    /// Parses a layout message.
    ///
    /// # Errors
    /// If it is damaged, or of a kind that JLD2 does not write.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let offset = c.offset();
        let version = c.u8()?;
        if matches!(version, 1 | 2) {
            return Err(Error::foreign(offset, format!("a data layout of version {version}")));
        }
        if !matches!(version, 3 | 4) {
            return Err(Error::corrupt(offset, "layout version", "1 to 4", version.to_string()));
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
            2 if version == 3 => {
                Err(Error::foreign(offset, "chunks indexed by a version 1 B-tree"))
            }
            2 => chunk(c).map(Self::Chunk),
            3 => Err(Error::foreign(offset, "a virtual dataset")),
            other => Err(Error::corrupt(offset + 1, "layout class", "0 to 3", other.to_string())),
        }
    }
}

fn chunk(c: &mut Cursor<'_>) -> Result<SingleChunk> {
    let offset = c.offset();
    let flags = c.u8()?;
    let rank = c.u8()?;
    let width = usize::from(c.u8()?);
    if rank == 0 || rank > 33 {
        return Err(Error::corrupt(offset + 1, "chunk rank", "1 to 33", rank.to_string()));
    }
    let mut dims = (0..rank).map(|_| c.uint(width)).collect::<Result<Vec<_>>>()?;
    let element_size = dims.pop().unwrap_or(0);
    let at = c.offset();
    match c.u8()? {
        1 => {}
        kind @ 2..=5 => {
            let name = ["implicit", "fixed array", "extensible array", "version 2 B-tree"];
            let name = name.get(usize::from(kind) - 2).copied().unwrap_or("unknown");
            return Err(Error::foreign(at, format!("chunks with the {name} index")));
        }
        other => return Err(Error::corrupt(at, "chunk index", "1 to 5", other.to_string())),
    }
    if flags & 2 == 0 {
        return Err(Error::foreign(offset, "a single chunk without filters"));
    }
    let size = c.u64()?;
    let filter_mask = c.u32()?;
    let at = c.offset();
    Ok(SingleChunk { dims, element_size, size, filter_mask, addr: c.addr()?, at })
}
