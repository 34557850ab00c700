//! Decides what stands in front of the objects of a rewrite: user block and superblock.

use crate::h5::{File, JLD2_OFFSET, RelAddr, Result, Superblock};

/// Bytes of the superblock that is written.
pub(super) const SUPERBLOCK: u64 = 48;
/// What JLD2 looks for in front of a superblock at 512, and the version of the format that is
/// written with it (`src/file_header.jl`).
const TEXT: &[u8] = b"HDF5-based Julia Data Format, version 0.2.0\0 (jldconv)\0";

/// The user block of a rewrite of `file`, behind which its superblock stands.
///
/// Files that JLD2 did not write get its text where that can be: without it, JLD2 opens them with a
/// warning, or not at all. A user block that is larger than JLD2's stays.
pub(in crate::convert) fn user_block(file: &File) -> Result<Vec<u8>> {
    let superblock = file.superblock();
    if is_replaced(superblock) {
        let mut block = TEXT.to_vec();
        block.resize(usize::try_from(JLD2_OFFSET).unwrap_or(512), 0);
        return Ok(block);
    }
    let len = usize::try_from(superblock.offset).unwrap_or(usize::MAX);
    file.source().read(0, len, "userblock")
}

/// What is to be told of it.
pub(in crate::convert) fn told_of_front(file: &File) -> Option<&'static str> {
    let superblock = file.superblock();
    match superblock.offset {
        _ if !is_replaced(superblock) => None,
        0 => Some(
            "note: a user block of 512 bytes with JLD2's text was put in front, as in files that \
             JLD2 writes",
        ),
        _ => Some(
            "note: what stood in the user block was replaced by JLD2's text, without which JLD2 \
             refuses the file; other programs may look for what stood there",
        ),
    }
}

fn is_replaced(superblock: &Superblock) -> bool {
    superblock.text.is_none() && superblock.offset <= JLD2_OFFSET
}

/// User block and superblock of a rewrite with this root, which has so many `bytes`.
pub(super) fn front(file: &File, block: Vec<u8>, root: RelAddr, bytes: u64) -> Vec<u8> {
    let offset = block.len() as u64;
    let (base, extension) = (offset, RelAddr::UNDEF);
    let new = Superblock { offset, base, root, extension, ..file.superblock().clone() };
    let mut front = block;
    front.extend(new.with_end_of_file(bytes));
    front
}
