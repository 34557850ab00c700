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

/// Writes the registered HDF5 format with blocks of `block_size` bytes.
pub(super) fn encode_hdf5(
    block_size: u32,
    input: Reader<'_>,
    total: u64,
    threads: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    if block_size == 0 || block_size > BLOCK_SIZE_HELD {
        let what = format!(
            "a block size of {block_size} (1 to {BLOCK_SIZE_HELD} here, to {LZ4_BLOCK_SIZE_MAX} in the format)"
        );
        return Err(Error::Unsupported { codec: "lz4 (hdf5 blocks)", what });
    }
    // Blocks larger than the data would make its readers allocate for nothing.
    let block_size = u32::try_from(total).unwrap_or(u32::MAX).clamp(1, block_size);
    out.write(&total.to_be_bytes())?;
    out.write(&block_size.to_be_bytes())?;
    if total == 0 {
        return Ok(());
    }
    let cut = Cut { block: block_size as usize, dictionary: 0 };
    let worker = || Lz4 { table: CompressTable::large(), format: Format::Hdf5 };
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
    let mut descriptor = vec![FRAME_FLAGS, FRAME_BLOCK_CODE];
    descriptor.extend_from_slice(&total.to_le_bytes());
    let [_, _, check, _] = xxh32(&descriptor, 0).to_be_bytes();
    descriptor.push(check);
    out.write(&LZ4_FRAME_MAGIC)?;
    out.write(&descriptor)?;
    if total > 0 {
        let cut = Cut { block: FRAME_BLOCK, dictionary: 0 };
        let worker = || Lz4 { table: CompressTable::large(), format: Format::Frame };
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
struct Lz4 {
    table: CompressTable,
    format: Format,
}

impl Worker for Lz4 {
    fn encode(&mut self, block: &mut Block) -> Result<(), Error> {
        const PLAIN: u32 = 1 << 31;
        const SIZE: usize = 4;
        let Block { input, output, used, .. } = block;
        let room = get_maximum_output_size(input.len()).saturating_add(SIZE);
        output.resize(room.max(output.len()), 0);
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
        *used = stored.saturating_add(SIZE);
        let size = u32::try_from(stored).map_err(|_| Error::Failed)?;
        *head = match (self.format, packed) {
            (Format::Hdf5, _) => size.to_be_bytes(),
            (Format::Frame, Some(_)) => size.to_le_bytes(),
            (Format::Frame, None) => (size | PLAIN).to_le_bytes(),
        };
        Ok(())
    }
}
