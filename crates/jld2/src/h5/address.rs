//! Turns stored addresses into offsets.

use super::{Error, RelAddr, Result, Superblock};

/// Turns a stored address into an offset inside the container.
pub(super) fn absolute(superblock: &Superblock, addr: RelAddr, what: &str) -> Result<u64> {
    match addr.0.checked_add(superblock.base) {
        Some(offset) if offset < superblock.end_of_file => Ok(offset),
        _ => Err(Error::corrupt(
            superblock.offset,
            format!("address of {what}"),
            format!("an address below the end of file ({})", superblock.end_of_file),
            format!("{addr}"),
        )),
    }
}
