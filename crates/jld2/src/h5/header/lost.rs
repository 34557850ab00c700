//! Whether a checksum that is zero was lost by its writer, or with a block of the file.

use super::kinds::kind;
use super::messages::walk;
use super::model::Chunk;
use crate::h5::{Result, Source, Superblock};

/// Disks and file systems lose no less than so many bytes at once, at a multiple of as many.
const SECTOR: u64 = 512;

/// Why the values of such an array cannot be read.
pub(super) const NO_LAYOUT: &str = "the layout of this compressed array of references, which JLD2 0.5 \
                                     and 0.6 leave out with the checksum: no reader finds its \
                                     values; jldconv rescue saves what it referred to";

/// Whether a header without a checksum is one of those that JLD2 0.5 and 0.6 write for compressed
/// arrays whose elements are stored as references, as tuples of more than ten numbers are: shape and
/// type, perhaps a filter pipeline, then zeros where the layout belongs.
pub(super) fn lacks_layout(chunk: &Chunk, flags: u8) -> bool {
    let (mut space, mut datatype, mut layout, mut zeros) = (false, false, false, false);
    let walked = walk(chunk, 2, flags, &mut |message, _| {
        space |= message.kind == kind::DATASPACE;
        datatype |= message.kind == kind::DATATYPE;
        layout |= message.kind == kind::LAYOUT;
        zeros = message.kind == kind::NIL && message.len == 0;
        Ok(())
    });
    walked.is_ok() && space && datatype && !layout && zeros
}

/// Whether a checksum of zero is the only thing amiss: its writer lost it, and no block of the
/// file was zeroed after it had been written.
///
/// A block that the disk or the file system lost is a zeroed [`SECTOR`] at least, so none that
/// the chunk touches may be all zero; but for the zeros of a filler at its end, with which
/// nothing would be lost. Nor may the messages end in empty fillers, which JLD2 never puts
/// there: the zeros of a hole read as those, whatever its size, unless it begins in the last
/// message.
pub(super) fn is_lost(
    (source, superblock): (&Source, &Superblock),
    chunk: &Chunk,
    flags: u8,
) -> Result<bool> {
    let mut last = None;
    let walked = walk(chunk, 2, flags, &mut |message, _| {
        last = Some(message);
        Ok(())
    });
    let (Ok(()), Some(last)) = (walked, last) else { return Ok(false) };
    let filler = last.kind == kind::NIL;
    if filler && last.len == 0 || last.body + u64::from(last.len) != chunk.checksum {
        return Ok(false);
    }
    let said = chunk.bytes.iter().rposition(|&b| b != 0).map_or(0, |n| n as u64 + 1);
    let end = if filler { chunk.offset + said } else { chunk.end() };
    Ok(!is_zeroed((source, superblock), chunk, end)?)
}

/// Whether a whole [`SECTOR`] that a chunk touches in front of `end` is zero.
pub(super) fn is_zeroed(
    (source, superblock): (&Source, &Superblock),
    chunk: &Chunk,
    end: u64,
) -> Result<bool> {
    let mut sector = chunk.offset / SECTOR * SECTOR;
    while sector < end {
        let len = SECTOR.min(superblock.end_of_file.saturating_sub(sector));
        let len = usize::try_from(len).unwrap_or(0);
        if source.read(sector, len, "object header")?.iter().all(|&b| b == 0) {
            return Ok(true);
        }
        sector += SECTOR;
    }
    Ok(false)
}
