//! Payloads of [`data`], made by liblz4, libzstd, zlib and libbz2 through Python 3.11 with lz4 4.4.5
//! and zstandard 0.25.0.

/// What every payload here decodes to: 25000 doubles and four more bytes.
pub(super) fn data() -> Vec<u8> {
    let doubles = (0..25_000_u32).flat_map(|i| (f64::from(i * 7919 % 61) / 8.0).to_le_bytes());
    doubles.chain(*b"tail").collect()
}

/// Linked 64 KiB blocks and nothing else, as `CodecLz4` writes by default.
pub(super) const LZ4_LINKED: &[u8] = include_bytes!("vectors/lz4_linked.bin");

/// Independent 64 KiB blocks with every checksum and the content size.
pub(super) const LZ4_ALL: &[u8] = include_bytes!("vectors/lz4_all.bin");

/// Linked 256 KiB blocks with a content checksum.
pub(super) const LZ4_LINKED_256K: &[u8] = include_bytes!("vectors/lz4_linked_256k.bin");

/// One raw block for all, as `JLD2Lz4` writes.
pub(super) const LZ4_HDF5: &[u8] = include_bytes!("vectors/lz4_hdf5.bin");

/// Raw blocks of 64 KiB.
pub(super) const LZ4_HDF5_64K: &[u8] = include_bytes!("vectors/lz4_hdf5_64k.bin");

/// One frame with its size and a checksum.
pub(super) const ZSTD: &[u8] = include_bytes!("vectors/zstd.bin");

/// A frame of level 22 that was streamed, without its size: the window is 128 MiB.
pub(super) const ZSTD_STREAM: &[u8] = include_bytes!("vectors/zstd_stream.bin");

/// Zlib at level 5.
pub(super) const ZLIB: &[u8] = include_bytes!("vectors/zlib.bin");

/// Bzip2 at level 9.
pub(super) const BZIP2: &[u8] = include_bytes!("vectors/bzip2.bin");
