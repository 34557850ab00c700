//! Reads a continuation that nothing leads to any more.

use super::chunks::Bytes;
use super::model::ObjectHeader;
use crate::h5::checksum::{Checksums, lookup3};
use crate::h5::{Error, RelAddr, Result, Source, Superblock};

/// What is read first of a continuation on its own.
const FIRST_STRAY: usize = 512;
/// Longer continuations are not read on their own.
const MAX_STRAY: u64 = 1 << 20;

impl ObjectHeader {
    /// Reads a continuation at `offset` of which nothing is left that says how long it is: it ends where
    /// its checksum follows a message. Takes no more than `left` bytes for that. Its messages are those
    /// of a header that does not track the order of creation, as JLD2's do not.
    ///
    /// # Errors
    /// If there is none.
    pub(in crate::h5) fn stray(
        source: &Source,
        superblock: &Superblock,
        offset: u64,
        left: &mut u64,
    ) -> Result<Self> {
        let none =
            || Error::corrupt(offset, "header continuation", "one with its checksum", "none");
        let from = Bytes { source, superblock, checksums: Checksums::Trusted };
        let most = superblock.end_of_file.saturating_sub(offset).min(MAX_STRAY);
        let most = usize::try_from(most).unwrap_or(0);
        let mut bytes = Vec::new();
        let mut at = 4_usize;
        loop {
            if bytes.len() < at + 8 {
                let len = (2 * bytes.len()).max(FIRST_STRAY).max(at + 8).min(most);
                *left = left.checked_sub(len as u64).ok_or_else(none)?;
                bytes = source.read(offset, len, "header continuation")?;
                if !bytes.starts_with(b"OCHK") {
                    return Err(none());
                }
            }
            // A checksum follows, or one more message.
            let next = bytes.get(at..).and_then(|b| b.first_chunk::<4>()).ok_or_else(none)?;
            if at > 4 {
                *left = left.checked_sub(at as u64).ok_or_else(none)?;
                if u32::from_le_bytes(*next) == lookup3(bytes.get(..at).unwrap_or_default()) {
                    break;
                }
            }
            let [_, low, high, _] = *next;
            at += 4 + usize::from(u16::from_le_bytes([low, high]));
            if at + 4 > most {
                return Err(none());
            }
        }
        let chunk = from.chunk(offset, offset + 4, offset + at as u64, 2, 0)?;
        let addr = RelAddr(offset.wrapping_sub(superblock.base));
        let mut header = Self::empty(addr, 2, 0, Vec::new());
        header.push(chunk)?;
        Ok(header)
    }
}
