//! Encodes one dataset into one payload.

use super::{deflate, lz4, output::Output, plain, shuffle::Shuffled, zstd};
use crate::codec::{Error, Filter, StreamSource, ids};
use std::{io::Write, ops::ControlFlow};

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all; a shuffle without a compressor is left out, too.
    None,
    /// The registered HDF5 LZ4 format.
    Lz4 {
        /// Bytes of a block, at most 64 MiB. Readers decode whole blocks, and threads hold several.
        block_size: u32,
    },
    /// One LZ4 frame of independent 256 KiB blocks, for JLD2 before 0.6.
    Lz4Frame,
    /// One zstd frame at this level.
    Zstd(i32),
    /// One zlib stream at this level, 0 to 9.
    Deflate(u32),
}

/// What [`encode`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Length of the payload in bytes.
    pub written: u64,
    /// The pipeline that undoes it, as JLD2 0.6.5 writes it (frames: as 0.5 does).
    pub filters: Vec<Filter>,
}

/// Writes `input` as a payload.
///
/// `shuffle` is the size of an element whose bytes are put into planes first. `threads` threads
/// work on it, this one included; the bytes are the same for any number of them. Memory is bounded
/// by some blocks a thread; shuffling a large input costs no memory, but reads it again for each
/// byte of an element. `progress` is told, block by block, how many bytes of the input are through,
/// and may stop it all; it and `out` are called from any of the threads, one at a time.
///
/// # Errors
/// [`Error::Unsupported`] for a level or size that the format does not have, [`Error::Output`] if
/// `out` fails, [`Error::Cancelled`]; whatever `input` fails with. `out` then holds a part.
pub fn encode(
    codec: Codec,
    shuffle: Option<u32>,
    input: &dyn StreamSource,
    out: &mut (dyn Write + Send),
    threads: usize,
    progress: &mut (dyn FnMut(u64) -> ControlFlow<()> + Send),
) -> Result<Encoded, Error> {
    let mut out = Output::new(out, progress);
    if let Some(size) = codec.shuffled(shuffle) {
        let width = usize::try_from(size).unwrap_or(usize::MAX);
        compress(codec, &Shuffled::new(input, width), threads, &mut out)?;
    } else {
        compress(codec, input, threads, &mut out)?;
    }
    Ok(Encoded { written: out.written(), filters: codec.pipeline(shuffle) })
}

fn compress(
    codec: Codec,
    input: &dyn StreamSource,
    threads: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let total = input.total();
    let reader = input.open()?;
    match codec {
        Codec::None => plain::encode(reader, total, out),
        Codec::Lz4 { block_size } => lz4::encode_hdf5(block_size, reader, total, threads, out),
        Codec::Lz4Frame => lz4::encode_frame(reader, total, threads, out),
        Codec::Zstd(level) => zstd::encode(level, reader, total, threads, out),
        Codec::Deflate(level) => deflate::encode(level, reader, total, threads, out),
    }
}

impl Codec {
    /// The filter that undoes it.
    pub(super) fn filter(self) -> Option<Filter> {
        match self {
            Self::None => None,
            Self::Lz4 { block_size } => Some(Filter::new(ids::LZ4, [block_size], Some("LZ4H5"))),
            // What JLD2 0.5 wrote for every compressor.
            Self::Lz4Frame => Some(Filter::new(ids::LZ4, [5], Some("LZ4"))),
            Self::Zstd(level) => {
                Some(Filter::new(ids::ZSTD, [level.cast_unsigned()], Some("ZSTD")))
            }
            Self::Deflate(level) => Some(Filter::new(ids::DEFLATE, [level], None)),
        }
    }
}
