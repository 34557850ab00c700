//! Reading what the disk holds, not what the page cache remembers having written.
//!
//! After a sync all pages of a file are clean; `posix_fadvise(POSIX_FADV_DONTNEED)` then drops
//! them, so that the next read asks the file system again. It is advice: pages that another process
//! has mapped stay, and below the file system others may cache (a file server, the disk itself).

use super::writeback;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of one read. The buffer must stay in the cores' cache.
const PIECE: usize = 1 << 20;
/// Pages are dropped again in windows of this size.
const WINDOW: u64 = 32 << 20;
/// No page is larger. The kernel keeps pages of which only a part is to be dropped.
const PAGE: u64 = 64 << 10;

/// Drops the clean pages of a file from the cache. To be called after a sync.
pub fn forget(file: &File) {
    writeback::drop_pages(file, 0, u64::try_from(i64::MAX).unwrap_or(u64::MAX));
}

/// Reads `range` of `file` from the disk, in order, and hands each piece with its offset to `each`.
/// To be called after a sync. The pages leave the cache behind it.
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
    drop_pages(file, start, end);
    writeback::will_stream(file);
    let most = usize::try_from(end.saturating_sub(start)).unwrap_or(PIECE).min(PIECE);
    let mut buffer = vec![0; most];
    let (mut at, mut dropped) = (start, start);
    while at < end {
        let n = usize::try_from(end - at).unwrap_or(PIECE).min(buffer.len());
        let (piece, _) = buffer.split_at_mut(n);
        file.read_exact_at(piece, at).map_err(|error| cannot(at, error))?;
        each(at, piece)?;
        at += n as u64;
        if at - dropped >= WINDOW {
            drop_pages(file, dropped, at);
            dropped = at;
        }
    }
    drop_pages(file, dropped, at);
    Ok(())
}

/// Drops all pages that hold a byte of a range.
fn drop_pages(file: &File, start: u64, end: u64) {
    let from = start - start % PAGE;
    writeback::drop_pages(file, from, end.next_multiple_of(PAGE).saturating_sub(from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_of_a_range_and_leaves_nothing_in_the_cache() {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        file.write_all_at(&bytes, 0).unwrap();
        file.sync_all().unwrap();
        let can_tell = writeback::is_cached(&file, 1_500_000);
        forget(&file);
        assert!(!writeback::is_cached(&file, 1_500_000), "a synced file leaves the cache");
        let mut got = Vec::new();
        let each = |at: u64, piece: &mut [u8]| {
            assert_eq!(at, 7 + got.len() as u64);
            got.extend_from_slice(piece);
            Ok(())
        };
        read_back(&file, 7..2_999_999, |_, error| error, each).unwrap();
        assert!(got == bytes[7..2_999_999]);
        assert!(!can_tell || !writeback::is_cached(&file, 1_500_000));
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
