//! Encodes zlib streams: chunks in memory by libdeflate, and one stream for a whole column out of
//! blocks that are deflated in parallel by zlib-rs, since libdeflate knows no dictionaries.
//!
//! Each block sees the 32 KiB before it as its dictionary and ends on a byte with an empty stored
//! block (a sync flush), so the blocks behind each other are one deflate stream; the checksums of
//! the blocks combine to the stream's.

use super::{
    blocks::{Block, Cut, Worker, encode_blocks},
    output::Output,
};
use crate::codec::{Error, Reader};
use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};
use zlib_rs::adler32::{adler32, adler32_combine};

const CODEC: &str = "deflate";
/// Bytes of a block: the flush and the cold start cost little, and threads have work.
const BLOCK: usize = 512 << 10;
/// How far back deflate can refer.
const WINDOW: usize = 32 << 10;
/// Largest stored block of the format.
const STORED: usize = 65_535;

/// What a stream of this level begins with.
pub(super) fn header(level: u32) -> Result<[u8; 2], Error> {
    Ok(match level {
        0 | 1 => [0x78, 0x01],
        2..=5 => [0x78, 0x5e],
        6 => [0x78, 0x9c],
        7..=9 => [0x78, 0xda],
        _ => {
            let what = format!("level {level} (0 to 9)");
            return Err(Error::Unsupported { codec: CODEC, what });
        }
    })
}

/// Room that any input of `length` bytes fits into; the quickest level takes up to 9 bits a byte.
pub(super) fn room(length: usize) -> usize {
    stored_size(length).saturating_add(length / 8).saturating_add(1024)
}

/// Makes one zlib stream of each chunk.
pub(super) struct Whole {
    /// None where nothing is to be compressed.
    compressor: Option<Compressor>,
}

impl Whole {
    pub(super) fn new(level: u32) -> Result<Self, Error> {
        header(level)?;
        let level = i32::try_from(level).map_err(|_| Error::Failed)?;
        let known = (level > 0).then(|| CompressionLvl::new(level)).transpose();
        let known = known.map_err(|_| Error::Failed)?;
        Ok(Self { compressor: known.map(Compressor::new) })
    }

    /// Puts `input` at the start of `out`, which has [`room`] for it; how much of it is used.
    pub(super) fn encode(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        match &mut self.compressor {
            Some(compressor) => compressor.zlib_compress(input, out).map_err(|_| Error::Failed),
            None => stored(input, out),
        }
    }
}

/// Puts `input` at the start of `out` as a zlib stream of stored blocks.
fn stored(input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let mut stream = header(0)?.to_vec();
    store(input, true, &mut stream);
    stream.extend_from_slice(&adler32(1, input).to_be_bytes());
    out.get_mut(..stream.len()).ok_or(Error::Failed)?.copy_from_slice(&stream);
    Ok(stream.len())
}

/// Writes one zlib stream.
pub(super) fn encode(
    level: u32,
    input: Reader<'_>,
    total: u64,
    threads: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    out.write(&header(level)?)?;
    let mut check = 1;
    let mut combine = |block: &Block| {
        check = adler32_combine(check, block.check, block.input.len() as u64);
    };
    let cut = Cut { block: BLOCK, dictionary: WINDOW };
    let worker = || Deflate { level: Compression::new(level) };
    encode_blocks(input, total, cut, threads, worker, &mut combine, out)?;
    out.write(&check.to_be_bytes())
}

/// Deflates blocks.
struct Deflate {
    level: Compression,
}

impl Worker for Deflate {
    fn encode(&mut self, block: &mut Block) -> Result<(), Error> {
        let Block { last, dictionary, input, output, used, check, .. } = block;
        *check = adler32(1, input);
        // Not reset: zlib-rs 0.6.8 then remembers something of the block before, and the bytes would
        // depend on which thread had which blocks.
        let mut compress = Compress::new(self.level, false);
        if !dictionary.is_empty() {
            compress.set_dictionary(dictionary).map_err(|_| Error::Failed)?;
        }
        // The quickest level takes up to 9 bits a byte.
        output.clear();
        output.reserve(input.len().saturating_add(input.len() / 8).saturating_add(1024));
        let flush = if *last { FlushCompress::Finish } else { FlushCompress::Sync };
        let status = compress.compress_vec(input, output, flush).map_err(|_| Error::Failed)?;
        let whole = match status {
            Status::StreamEnd => true,
            // A flush is complete only if it did not fill the room.
            Status::Ok | Status::BufError => !*last && output.len() < output.capacity(),
        };
        if !whole {
            return Err(Error::Failed);
        }
        if output.len() > stored_size(input.len()) {
            output.clear();
            store(input, *last, output);
        }
        *used = output.len();
        Ok(())
    }
}

/// Size of `length` bytes in stored blocks.
fn stored_size(length: usize) -> usize {
    length.saturating_add(length.div_ceil(STORED).max(1).saturating_mul(5))
}

/// Appends `input` as stored blocks. The stream must stand on a byte.
fn store(input: &[u8], last: bool, output: &mut Vec<u8>) {
    let mut rest = input;
    loop {
        let (chunk, more) = rest.split_at(rest.len().min(STORED));
        rest = more;
        let length = u16::try_from(chunk.len()).unwrap_or(u16::MAX);
        output.push(u8::from(last && rest.is_empty()));
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&(!length).to_le_bytes());
        output.extend_from_slice(chunk);
        if rest.is_empty() {
            return;
        }
    }
}
