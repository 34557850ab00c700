//! Reads what the disk holds, not what the page cache remembers having written.
//!
//! After a sync all pages of a file are clean; `posix_fadvise(POSIX_FADV_DONTNEED)` then drops
//! them, so that the next read asks the file system again. It is advice: pages that another process
//! has mapped stay, and below the file system others may cache (a file server, the disk itself).

use super::buffer::with_buffer;
use super::writeback;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Pages are dropped again in windows of this size.
const WINDOW: u64 = 32 << 20;
/// The kernel caches files in pieces of up to this size (large folios), at multiples of theirs, and
/// keeps those of which only a part is to be dropped.
const FOLIO: u64 = 2 << 20;

/// Drops the clean pages of a file from the cache. To be called after a sync.
///
/// It is not cheap: pages that were just written may take a word with all cores. Once a file, not
/// once a range.
pub fn forget(file: &File) {
    writeback::drop_pages(file, 0, u64::try_from(i64::MAX).unwrap_or(u64::MAX));
}

/// Drops the clean pages that hold a byte of a range.
pub fn forget_range(file: &File, range: Range<u64>) {
    let from = range.start - range.start % FOLIO;
    let end = range.end.checked_next_multiple_of(FOLIO).unwrap_or(range.end);
    writeback::drop_pages(file, from, end.saturating_sub(from));
}

/// Reads `range` of `file`, whose pages were [forgotten](forget), from the disk, in order, and
/// hands each piece with its offset to `each`. Of a large range the pages leave the cache again.
///
/// # Errors
/// What the system says, with the offset; that the file ends too early; what `each` says.
pub fn read_back<E>(
    file: &File,
    range: Range<u64>,
    mut cannot: impl FnMut(u64, io::Error) -> E,
    mut each: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let Range { start, end } = range;
    writeback::will_stream(file);
    let (mut at, mut dropped) = (start, start);
    let read = with_buffer(|buffer| {
        while at < end {
            let n = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let (piece, _) = buffer.split_at_mut(n);
            file.read_exact_at(piece, at).map_err(|error| cannot(at, error))?;
            each(at, piece)?;
            at += n as u64;
            if at - dropped >= WINDOW {
                forget_range(file, dropped..at);
                dropped = at;
            }
        }
        Ok(())
    });
    read.unwrap_or_else(|error| Err(cannot(start, error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A synced file of 70 MB, and its bytes; `None` where the system cannot tell what is cached.
    fn synced() -> Option<(File, Vec<u8>)> {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let bytes: Vec<u8> = (0..70_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        file.write_all_at(&bytes, 0).unwrap();
        file.sync_all().unwrap();
        writeback::is_cached(&file, 40_000_000).then_some((file, bytes))
    }

    // Each of these files is looked at once after its pages were dropped, from back to front: a look
    // makes the kernel read ahead.

    #[test]
    fn a_synced_file_leaves_the_cache_as_a_whole_or_in_part() {
        let Some((file, _)) = synced() else { return };
        forget(&file);
        assert!(!writeback::is_cached(&file, 69_999_999));
        let Some((file, _)) = synced() else { return };
        forget_range(&file, 4_999_999..5_000_001);
        assert!(writeback::is_cached(&file, 40_000_000));
        assert!(!writeback::is_cached(&file, 5_000_000));
    }

    #[test]
    fn windows_that_were_read_leave_the_cache() {
        let Some((file, bytes)) = synced() else { return };
        let mut got = Vec::new();
        let each = |at: u64, piece: &mut [u8]| {
            assert!(at == 7 + got.len() as u64);
            got.extend_from_slice(piece);
            Ok(())
        };
        read_back(&file, 7..69_999_999, |_, error: io::Error| error, each).unwrap();
        assert!(got == bytes[7..69_999_999]);
        assert!(!writeback::is_cached(&file, 40_000_000));
    }

    #[test]
    fn errors_come_with_their_offset() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; 100], 0).unwrap();
        let end = read_back(&file, 50..200, |at, error| (at, error.kind()), |_, _| Ok(()));
        assert_eq!(end, Err((50, io::ErrorKind::UnexpectedEof)));
        let stop = read_back(&file, 0..100, |_, _| "cannot", |_, _| Err("enough"));
        assert_eq!(stop, Err("enough"));
    }
}
