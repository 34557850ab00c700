//! Descriptions of datasets in chunks in front of the bytes that hold them.
//!
//! Bytes: kind of index (0 to 5), flags (1: filtered, 2: edges are not), rank, size of an element,
//! address of the index (8), and for each dimension those of dataset, chunk and limit (4 each; a
//! limit of all ones is none).

use jldconv::h5::{
    ChunkIndex, Chunked, Class, Dataset, Dataspace, Datatype, Extent, FilterEntry, Layout, RelAddr,
    TypeRef,
};

/// Bytes of the superblock, which is not part of the input.
pub const SUPERBLOCK: usize = 48;

/// The dataset that an input describes, the type of its elements, and the file.
#[must_use]
pub fn read(data: &[u8]) -> Option<(Dataset, Datatype, Vec<u8>)> {
    let ([kind, flags, rank, size], rest) = data.split_first_chunk::<4>()?;
    let (addr, mut rest) = rest.split_first_chunk::<8>()?;
    let rank = usize::from(rank % 5);
    let mut numbers = Vec::new();
    for _ in 0..3 * rank {
        let (number, behind) = rest.split_first_chunk::<4>()?;
        numbers.push(u32::from_le_bytes(*number));
        rest = behind;
    }
    let dims = numbers.iter().step_by(3).map(|&n| u64::from(n)).collect::<Vec<_>>();
    let chunk = numbers.iter().skip(1).step_by(3).map(|&n| u64::from(n)).collect::<Vec<_>>();
    let limits = numbers.iter().skip(2).step_by(3);
    let limits = limits.map(|&n| if n == u32::MAX { u64::MAX } else { u64::from(n) }).collect();
    let filtered = flags & 1 != 0;
    let index = match kind % 6 {
        0 => ChunkIndex::Single { filtered: filtered.then_some((u64::from(*size), 0)) },
        1 => ChunkIndex::BTreeV1,
        2 => ChunkIndex::Implicit,
        3 => ChunkIndex::FixedArray { page_bits: 10 },
        4 => ChunkIndex::ExtensibleArray,
        _ => ChunkIndex::BTreeV2,
    };
    let datatype = Datatype::new(Class::Opaque, u32::from(*size));
    let deflate = FilterEntry { id: 1, name: None, flags: 0, client: vec![1] };
    let dataset = Dataset {
        dataspace: Dataspace { extent: Extent::Simple, dims, max_dims: Some(limits) },
        datatype: TypeRef::Inline(datatype.clone().into()),
        layout: Layout::Chunked(Chunked {
            version: 4,
            dims: chunk,
            element_size: u64::from(*size),
            index,
            addr: RelAddr(u64::from_le_bytes(*addr)),
            at: 0,
            plain_edges: flags & 2 != 0,
        }),
        filters: if filtered { vec![deflate] } else { Vec::new() },
        fill: None,
    };
    let mut bytes = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec();
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(u64::MAX.to_le_bytes());
    bytes.extend(((SUPERBLOCK + rest.len()) as u64).to_le_bytes());
    bytes.extend(48_u64.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(rest);
    Some((dataset, datatype, bytes))
}

/// The input that stands for a dataset of a file whose superblock is at its start.
#[must_use]
pub fn write(dataset: &Dataset, file: &[u8]) -> Option<Vec<u8>> {
    let chunked = dataset.layout.chunked()?;
    let kind = match chunked.index {
        ChunkIndex::Single { .. } => 0,
        ChunkIndex::BTreeV1 => 1,
        ChunkIndex::Implicit => 2,
        ChunkIndex::FixedArray { .. } => 3,
        ChunkIndex::ExtensibleArray => 4,
        ChunkIndex::BTreeV2 => 5,
    };
    let flags = u8::from(!dataset.filters.is_empty()) | u8::from(chunked.plain_edges) << 1;
    let space = &dataset.dataspace;
    let size = u8::try_from(chunked.element_size).ok()?;
    let mut out = vec![kind, flags, u8::try_from(space.dims.len()).ok()?, size];
    out.extend(chunked.addr.0.to_le_bytes());
    let limits = space.max_dims.as_ref().unwrap_or(&space.dims);
    for ((dim, chunk), limit) in space.dims.iter().zip(&chunked.dims).zip(limits) {
        for number in [dim, chunk, limit] {
            out.extend(u32::try_from(*number).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
    out.extend(file.get(SUPERBLOCK..)?);
    Some(out)
}
