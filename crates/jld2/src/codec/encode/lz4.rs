//! Encodes both formats under the LZ4 number, as blocks that stand alone.

use super::{
    blocks::{Block, Cut, Worker, encode_blocks},
    output::Output,
};
use crate::codec::{Error, Reader, filter::LZ4_FRAME_MAGIC};
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use xxhash_rust::xxh32::xxh32;

/// Block size that is used where none is asked for. The ratio is within 1% of that of one block for
/// all (measured on simulation columns), input and output fit in a core's cache, and a slice of a
/// large column costs its readers little.
pub const LZ4_BLOCK_SIZE: u32 = 256 << 10;
/// Largest block that an LZ4 library takes.
pub const LZ4_BLOCK_SIZE_MAX: u32 = 2_113_929_216;

/// Largest block here: threads hold several, and larger ones gain nothing.
const BLOCK_SIZE_HELD: u32 = 64 << 20;

/// Refuses a size of blocks that cannot be written.
pub(super) fn check_block_size(block_size: u32) -> Result<(), Error> {
    if (1..=BLOCK_SIZE_HELD).contains(&block_size) {
        return Ok(());
    }
    let what = format!(
        "a block size of {block_size} (1 to {BLOCK_SIZE_HELD} here, to {LZ4_BLOCK_SIZE_MAX} in the format)"
    );
    Err(Error::Unsupported { codec: "lz4 (hdf5 blocks)", what })
}

/// Room that any chunk of `length` bytes fits into, in either format.
pub(super) fn chunk_room(block_size: u32, length: usize) -> usize {
    let blocks = length.div_ceil(usize::try_from(block_size).unwrap_or(1).clamp(1, FRAME_BLOCK));
    // No block outgrows its input but by what the packer writes before it gives up.
    let each = Packer::room(0).saturating_add(SIZE);
    Packer::room(length).saturating_add(blocks.saturating_mul(each)).saturating_add(64)
}

/// One chunk in the registered HDF5 format, at the start of `out`; how much of it is used.
pub(super) fn chunk_hdf5(
    block_size: u32,
    chunk: &[u8],
    packer: &mut Packer,
    out: &mut [u8],
) -> Result<usize, Error> {
    let total = chunk.len() as u64;
    let block_size = u32::try_from(total).unwrap_or(u32::MAX).clamp(1, block_size);
    let at = put(out, 0, &total.to_be_bytes())?;
    let at = put(out, at, &block_size.to_be_bytes())?;
    packer.blocks(chunk, block_size as usize, out, at)
}

/// One chunk as an LZ4 frame, at the start of `out`; how much of it is used.
pub(super) fn chunk_frame(
    chunk: &[u8],
    packer: &mut Packer,
    out: &mut [u8],
) -> Result<usize, Error> {
    let at = put(out, 0, &frame_head(chunk.len() as u64))?;
    let at = packer.blocks(chunk, FRAME_BLOCK, out, at)?;
    put(out, at, &[0; 4])
}

/// Puts `bytes` at `at`; where they end.
fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> Result<usize, Error> {
    let end = at.saturating_add(bytes.len());
    out.get_mut(at..end).ok_or(Error::Failed)?.copy_from_slice(bytes);
    Ok(end)
}

/// What a frame of `total` bytes begins with.
fn frame_head(total: u64) -> Vec<u8> {
    let mut head = LZ4_FRAME_MAGIC.to_vec();
    let mut descriptor = vec![FRAME_FLAGS, FRAME_BLOCK_CODE];
    descriptor.extend_from_slice(&total.to_le_bytes());
    let [_, _, check, _] = xxh32(&descriptor, 0).to_be_bytes();
    descriptor.push(check);
    head.extend_from_slice(&descriptor);
    head
}

/// Writes the registered HDF5 format with blocks of `block_size` bytes.
pub(super) fn encode_hdf5(
    block_size: u32,
    input: Reader<'_>,
    total: u64,
    threads: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    check_block_size(block_size)?;
    // Blocks larger than the data would make its readers allocate for nothing.
    let block_size = u32::try_from(total).unwrap_or(u32::MAX).clamp(1, block_size);
    out.write(&total.to_be_bytes())?;
    out.write(&block_size.to_be_bytes())?;
    if total == 0 {
        return Ok(());
    }
    let cut = Cut { block: block_size as usize, dictionary: 0 };
    let worker = Packer::hdf5;
    encode_blocks(input, total, cut, threads, worker, &mut |_| {}, out)
}

/// Blocks of a frame, of the sizes that the format has.
const FRAME_BLOCK: usize = 256 << 10;
/// The header's byte for it.
const FRAME_BLOCK_CODE: u8 = 5 << 4;
/// Version 1, independent blocks, content size.
const FRAME_FLAGS: u8 = 0b0110_1000;

/// Writes one LZ4 frame.
pub(super) fn encode_frame(
    input: Reader<'_>,
    total: u64,
    threads: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    out.write(&frame_head(total))?;
    if total > 0 {
        let cut = Cut { block: FRAME_BLOCK, dictionary: 0 };
        let worker = Packer::frame;
        encode_blocks(input, total, cut, threads, worker, &mut |_| {}, out)?;
    }
    out.write(&[0; 4])
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Hdf5,
    Frame,
}

/// Encodes blocks with their sizes before them.
pub(super) struct Packer {
    table: CompressTable,
    format: Format,
}

/// Bytes of a block's size.
const SIZE: usize = 4;

impl Packer {
    pub(super) fn hdf5() -> Self {
        Self { table: CompressTable::large(), format: Format::Hdf5 }
    }

    pub(super) fn frame() -> Self {
        Self { table: CompressTable::large(), format: Format::Frame }
    }

    /// Room that any block of `length` bytes fits into.
    fn room(length: usize) -> usize {
        get_maximum_output_size(length).saturating_add(SIZE)
    }

    /// Puts the blocks of `chunk` one behind the other from `at` on; where they end.
    fn blocks(
        &mut self,
        chunk: &[u8],
        size: usize,
        out: &mut [u8],
        mut at: usize,
    ) -> Result<usize, Error> {
        for block in chunk.chunks(size) {
            let used = self.pack(block, out.get_mut(at..).ok_or(Error::Failed)?)?;
            at = at.saturating_add(used);
        }
        Ok(at)
    }

    /// Puts a block at the start of `output`, which has room for any; how much of it is used.
    fn pack(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        const PLAIN: u32 = 1 << 31;
        let Some((head, body)) = output.split_first_chunk_mut::<SIZE>() else {
            return Err(Error::Failed);
        };
        let packed = compress_into_with_table(input, body, &mut self.table).ok();
        // As large as the input means a plain copy in the HDF5 format.
        let packed = packed.filter(|size| *size < input.len());
        if packed.is_none() {
            body.get_mut(..input.len()).ok_or(Error::Failed)?.copy_from_slice(input);
        }
        let stored = packed.unwrap_or(input.len());
        let size = u32::try_from(stored).map_err(|_| Error::Failed)?;
        *head = match (self.format, packed) {
            (Format::Hdf5, _) => size.to_be_bytes(),
            (Format::Frame, Some(_)) => size.to_le_bytes(),
            (Format::Frame, None) => (size | PLAIN).to_le_bytes(),
        };
        Ok(stored.saturating_add(SIZE))
    }
}

impl Worker for Packer {
    fn encode(&mut self, block: &mut Block) -> Result<(), Error> {
        let Block { input, output, used, .. } = block;
        output.resize(Self::room(input.len()).max(output.len()), 0);
        *used = self.pack(input, output)?;
        Ok(())
    }
}
