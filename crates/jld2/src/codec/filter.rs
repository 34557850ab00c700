//! Names the filters of an HDF5 pipeline.

/// Registered numbers of the filters that are known here.
pub mod ids {
    /// Zlib streams.
    pub const DEFLATE: u16 = 1;
    /// Byte planes.
    pub const SHUFFLE: u16 = 2;
    /// Bzip2 streams.
    pub const BZIP2: u16 = 307;
    /// Two formats under one number: see [`sniff_lz4`](super::sniff_lz4).
    pub const LZ4: u16 = 32004;
    /// Zstandard frames.
    pub const ZSTD: u16 = 32015;
}

/// One filter of a pipeline, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Registered number, one of [`ids`] or foreign.
    pub id: u16,
    /// A writer may leave this filter out where it fails.
    pub optional: bool,
    /// Parameters. JLD2 before 0.6 wrote a meaningless 5 for each compressor, so decoding looks
    /// only at shuffle's element size.
    pub client: Vec<u32>,
    /// The name that stands in the file; filters below 256 have none.
    pub name: Option<String>,
}

impl Filter {
    /// A filter that may not be left out.
    pub fn new(id: u16, client: impl Into<Vec<u32>>, name: Option<&str>) -> Self {
        Self { id, optional: false, client: client.into(), name: name.map(str::to_owned) }
    }
}

/// Which of the two formats under [`ids::LZ4`] a payload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lz4Format {
    /// LZ4 frames, written by JLD2 before 0.6.
    Frame,
    /// The registered HDF5 format: big-endian sizes and raw LZ4 blocks.
    Hdf5,
}

/// Tells the formats under [`ids::LZ4`] apart by the payload's first bytes.
///
/// The HDF5 format starts with the decoded size, which would have to be 300 PB to look like a
/// frame's magic number.
pub fn sniff_lz4(first4: [u8; 4]) -> Lz4Format {
    if first4 == LZ4_FRAME_MAGIC { Lz4Format::Frame } else { Lz4Format::Hdf5 }
}

/// First bytes of an LZ4 frame.
pub(super) const LZ4_FRAME_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// What people call the filter with this number; of the common ones that are not decoded here, too.
pub fn describe(id: u16) -> &'static str {
    match id {
        ids::DEFLATE => "deflate",
        ids::SHUFFLE => "shuffle",
        3 => "fletcher32",
        4 => "szip",
        5 => "nbit",
        6 => "scale-offset",
        ids::BZIP2 => "bzip2",
        32000 => "lzf",
        32001 => "blosc",
        ids::LZ4 => "lz4",
        32008 => "bitshuffle",
        32013 => "zfp",
        ids::ZSTD => "zstd",
        32026 => "blosc2",
        _ => "unregistered or rare",
    }
}

impl Lz4Format {
    /// What people call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Frame => "lz4 (frame)",
            Self::Hdf5 => "lz4 (hdf5 blocks)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lz4_formats_differ_in_their_first_bytes() {
        assert_eq!(sniff_lz4([0x04, 0x22, 0x4d, 0x18]), Lz4Format::Frame);
        assert_eq!(sniff_lz4([0, 0, 0, 0]), Lz4Format::Hdf5);
        assert_eq!(sniff_lz4([0x18, 0x4d, 0x22, 0x04]), Lz4Format::Hdf5);
    }
}
